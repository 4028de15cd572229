"""Run DAGs one after the other, as `airflow dags test` does, in one process (a start takes 8 s).

python -m include.embedded.dag_runs DATE DAG_ID[=CONF] ...
"""

import sys

from airflow.cli.cli_parser import get_parser

from include.embedded.progress import ENDS, STARTS


def main(arguments: list[str]) -> None:
    """Run each DAG; the first that fails ends it all."""
    logical_date, *runs = arguments
    for run in runs:
        dag_id, _, conf = run.partition("=")
        print(STARTS, dag_id, flush=True)
        options = ["--conf", conf] if conf else []
        parsed = get_parser().parse_args(["dags", "test", *options, dag_id, logical_date])
        parsed.func(parsed)
        print(ENDS, dag_id, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
