"""Commands of the embedded default: `python -m include.embedded up|down|sql|airflow …`."""

import os
import sys
from typing import cast, get_args

from include.database.address import Role, database_url
from include.embedded.environment import airflow_environment
from include.embedded.postgres import psql_path, start_postgres
from include.embedded.service import down, up
from include.embedded.setup import ensure_set_up
from include.embedded.spark_history import show_history
from include.errors import PipelineError
from include.settings import PROJECT, settings

USAGE = (
    "usage: python -m include.embedded up | down | setup | checksums | "
    "sql QUERY admin|pipeline|analyst|marketing | explain SCORE | reader NAME GROUP | "
    "spark-history | "
    "airflow ARGS..."
)


def main(arguments: list[str]) -> None:
    """Run one command; a failure that we understand is one sentence, not a stack trace."""
    try:
        _run(arguments)
    except PipelineError as error:
        sys.exit(f"error: {error}")


def _run(arguments: list[str]) -> None:
    match arguments:
        case ["up"]:
            up(settings())
        case ["down"]:
            down(settings())
        case ["setup"]:
            ensure_set_up(settings())
        case ["sql", query, role] if role in get_args(Role):
            start_postgres(settings())
            url = database_url(settings(), "warehouse", role=cast(Role, role))
            psql = str(psql_path())
            # Everybody here sees a process's arguments; its environment, its owner alone.
            os.execve(
                psql, [psql, "-X", "-At", "-v", "ON_ERROR_STOP=1", "-c", query],
                os.environ | psql_environment(url),
            )  # fmt: skip
        case ["explain", score]:
            from include.embedded.explain import explain

            sys.exit(0 if explain(settings(), score) else 1)
        case ["reader", name, group]:
            from include.database.readers import ask_password, make_reader

            start_postgres(settings())
            password = ask_password(settings(), name)
            print(make_reader(settings(), name, group, password))
        case ["checksums"]:
            start_postgres(settings())
            _checksums()
        case ["spark-history"]:
            show_history(settings())
        case ["airflow", *rest]:
            ensure_set_up(settings())
            airflow = str(PROJECT / ".venv" / "bin" / "airflow")
            os.execve(airflow, [airflow, *rest], airflow_environment(settings()))
        case _:
            sys.exit(USAGE)


def psql_environment(url: str) -> dict[str, str]:
    """A URL as the variables that psql reads."""
    from psycopg.conninfo import conninfo_to_dict

    names = {"dbname": "PGDATABASE"}
    found = conninfo_to_dict(url)
    return {names.get(key, f"PG{key.upper()}"): str(value) for key, value in found.items()}


def _checksums() -> None:
    """Rows and checksum of every lake table and of the prediction table."""
    from sqlalchemy import text

    from include.config import load_config
    from include.contracts import lake_tables
    from include.database.engine import engine
    from include.lake.checksum import rows_checksum
    from include.lake.tables import Lake

    for name, contract in lake_tables(load_config(settings()).events.names).items():
        rows = 0
        parts = []
        for batch in Lake(settings()).batches(contract):
            rows += batch.num_rows
            parts.append(batch)
        print(f"{name} {rows} {rows_checksum(parts)}")
    with engine(settings()).connect() as connection:
        for row in connection.execute(
            text(
                "select score_date, row_count, checksum, publication_id "
                "from predictions.publications where status = 'published' order by 1"
            )
        ):
            print("predictions.campaign_propensity", *row)


if __name__ == "__main__":
    main(sys.argv[1:])
