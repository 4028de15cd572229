"""What a child process that runs DAGs prints for the one that started it."""

import re

STARTS, ENDS = "@@ starts", "@@ ends"
"""Before and after each DAG, followed by its id."""

# Lines of our own, for people; the rest of a task's log is in Airflow's log files.
OURS = re.compile(
    r"\[(core|features|training|scores)\.[a-z_]+\] "
    r"|\[(lake_days|examples|scores|publish|contacts|compare|promote|choose|xgb_\w+|torch_\w+)\] "
)
