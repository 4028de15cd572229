"""What the DAGs are wired from: task functions, waits, and the group build → gate → publish.

Nothing heavy is imported at the top of these modules, because the DAG processor imports them at
every parse; task functions import what they need when they run.
"""
