"""The main job on real data: land, load, train, score, publish, show. `make run` calls this.

Each stage is a DAG run in this process's children, with the same tasks, arguments and tables as on
the scheduler. A stage whose result is there already does nothing, so a second run is quick and
changes nothing.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

from sqlalchemy import text

from include.config import load_config
from include.days import Days
from include.embedded.environment import airflow_environment
from include.embedded.setup import ensure_set_up
from include.errors import PipelineError
from include.settings import PROJECT, Settings, settings
from include.sources import completejourney
from include.sources.landing import Landing
from include.warehouse.engine import engine

HISTORY = Days(date(2017, 1, 1), date(2017, 12, 24))
DAY = HISTORY.last
# Lines of our own, for people; the rest of a task's log is in Airflow's log files.
OURS = ("[land", "[core.", "[features.", "[training.", "[scores.", "[publish]", "[contacts]",
        "[compare]", "[choose]", "[xgb", "[torch", "[lake_days]", "[examples]", "[scores]")  # fmt: skip


def main() -> None:
    """Run the stages, print how long each took, and show the result."""
    started = time.monotonic()
    times: dict[str, float] = {}
    chosen = settings()

    def stage(name: str, work: Callable[[], bool]) -> None:
        began = time.monotonic()
        print(f"\n== {name}", flush=True)
        did_something = work()
        times[name] = time.monotonic() - began
        note = "" if did_something else " (was there already)"
        print(f"== {name}: {times[name]:.1f} s{note}", flush=True)

    try:
        stage("set up and land 2017", lambda: _prepare(chosen))
        stage(f"lake_history {HISTORY}", lambda: _history(chosen))
        stage(f"train_weekly as of {DAY}", lambda: _train(chosen))
        stage(f"score_daily {DAY}", lambda: _score(chosen))
    except PipelineError as error:
        sys.exit(f"\nerror: {error}")
    _show(chosen)
    print(f"\nTime of each stage ({time.monotonic() - started:.0f} s in all):")
    for name, seconds in times.items():
        print(f"  {seconds:6.1f} s  {name}")
    _where_next(chosen)


def _prepare(chosen: Settings) -> bool:
    """Databases and landing, side by side: each keeps one core busy."""
    with ThreadPoolExecutor() as pool:
        landed = pool.submit(_land, chosen)
        ensure_set_up(chosen)
        return landed.result()


def _land(chosen: Settings) -> bool:
    landing = Landing(chosen.landing_uri)
    if not landing.incomplete(("events", "listings", "users"), completejourney.YEAR):
        return False
    command = [sys.executable, "-m", "include.sources.completejourney"]
    if subprocess.run(command, cwd=PROJECT, check=False).returncode:
        raise PipelineError("landing The Complete Journey failed: see the lines above")
    return True


def _history(chosen: Settings) -> bool:
    with engine(chosen).connect() as connection:
        days = connection.scalar(
            text(
                "select count(*) from analytics.lake_partitions where table_name = "
                "'features.user_category_daily' and partition_date between :first and :last"
            ),
            {"first": HISTORY.first, "last": HISTORY.last},
        )
        has_features = connection.scalar(
            text(
                "select count(*) from analytics.lake_partitions "
                "where table_name = 'features.category' and partition_date = :day"
            ),
            {"day": DAY},
        )
    if days == len(HISTORY) and has_features:
        return False
    conf = f'{{"from_date": "{HISTORY.first}", "to_date": "{HISTORY.last}"}}'
    _run_dag(chosen, "lake_history", "--conf", conf)
    return True


def _train(chosen: Settings) -> bool:
    with engine(chosen).connect() as connection:
        promoted = connection.scalar(
            text(
                "select count(*) from analytics.model_comparison "
                "where as_of_date = :day and is_promoted"
            ),
            {"day": DAY},
        )
    if promoted:
        return False
    _run_dag(chosen, "train_weekly")
    return True


def _score(chosen: Settings) -> bool:
    with engine(chosen).connect() as connection:
        published = connection.scalar(
            text(
                "select count(*) from predictions.publications "
                "where score_date = :day and status = 'published'"
            ),
            {"day": DAY},
        )
    if published:
        return False
    _run_dag(chosen, "score_daily")
    return True


def _run_dag(chosen: Settings, dag_id: str, *arguments: str) -> None:
    """One DAG run for the data day, its tasks in order, in a child process."""
    # A manual run's data interval is the day before its date: this is the run of DAY.
    command = ["dags", "test", *arguments, dag_id, f"{DAY + timedelta(days=1)}"]
    log = chosen.home / f"{dag_id}.log"
    with (
        log.open("w", encoding="utf-8") as kept,
        subprocess.Popen(
            [str(PROJECT / ".venv" / "bin" / "airflow"), *command],
            env=airflow_environment(chosen),
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            kept.write(line)
            if "[error " in line:
                print(f"  {line.rstrip()}", flush=True)
            starts = [line.find(mark) for mark in OURS if mark in line]
            if starts:
                # Airflow adds the logger's name and the line's place.
                print(f"  {line[min(starts) :].split(' [airflow.')[0].rstrip()}", flush=True)
    if process.returncode:
        tail = log.read_text(encoding="utf-8").splitlines()
        errors = [line for line in tail if "rror:" in line or "Error" in line][-3:]
        raise PipelineError(f"{dag_id} failed: see {log}\n" + "\n".join(errors))


def _show(chosen: Settings) -> None:
    """A sample of the prediction table, and the champion beside the baselines."""
    with engine(chosen).connect() as connection:
        sample = connection.execute(
            text(
                "select score_date, campaign_id, user_id, round(score::numeric, 4) as score, rank, "
                "decile, arm, model_version from predictions.latest_campaign_propensity "
                "where rank <= 1 order by score desc"
            )
        )
        print("\npredictions.latest_campaign_propensity, the best of each campaign:")
        _table(list(sample.keys()), [tuple(row) for row in sample])
        comparison = connection.execute(
            text(
                """
                select m.experiment || case when m.is_promoted then ' (champion)' else '' end
                    as model, round(m.roc_auc::numeric, 4) as roc_auc,
                  round(c.roc_auc::numeric, 4) as mean_of_campaigns,
                  round(m.average_precision::numeric, 4) as average_precision,
                  round(m.log_loss::numeric, 4) as log_loss,
                  round(m.calibration_error::numeric, 4) as calibration_error,
                  round(m.lift_top_decile::numeric, 2) as lift
                from analytics.model_comparison m
                join analytics.model_comparison c using (as_of_date, experiment)
                where m.scope = 'all' and c.scope = 'mean_of_campaigns'
                  and m.as_of_date = (select max(as_of_date) from analytics.model_comparison)
                order by m.log_loss
                """
            )
        )
        snapshot = connection.scalar(
            text("select max(snapshot_date) from analytics.model_comparison")
        )
        print(f"\nOut of time, on the snapshot of {snapshot} (analytics.model_comparison):")
        _table(list(comparison.keys()), [tuple(row) for row in comparison])


def _table(names: list[str], rows: list[tuple[object, ...]]) -> None:
    texts = [names, *[[str(value) for value in row] for row in rows]]
    widths = [max(len(line[place]) for line in texts) for place in range(len(names))]
    for line in texts:
        print(
            "  " + "  ".join(value.ljust(width) for value, width in zip(line, widths, strict=True))
        )


def _where_next(chosen: Settings) -> None:
    campaigns = len(load_config(chosen).active_campaigns)
    print(
        f"""
Where to look next:
  make sql Q="select * from predictions.latest_campaign_propensity where campaign_id = 'coffee' order by rank limit 10"
  make sql Q="select table_name, sum(landed), sum(accepted), sum(rejected), sum(duplicate) from analytics.ingest_accounting group by 1"
  Data Docs: {chosen.data_docs_path}
  include/config/campaigns.yaml holds the {campaigns} campaigns; docs/data_dictionary.md all columns.

The last week of 2017 has landed but isn't loaded: that's for you.
  make up
  bin/airflow backfill create --dag-id lake_daily --from-date 2017-12-25 --to-date 2018-01-01
  bin/airflow backfill create --dag-id score_daily --from-date 2017-12-25 --to-date 2018-01-01
  make sql Q="select score_date, status, model_version, row_count from predictions.publications order by 1"
"""
    )


if __name__ == "__main__":
    main()
