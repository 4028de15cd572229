"""The main job on real data: land, load, train, score, publish, show. `make run` calls this.

Each stage is a DAG run in a child process, with the same tasks, arguments and tables as on the
scheduler. A stage whose result is there already does nothing, so a second run is quick and
changes nothing.
"""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

from include.config import load_config
from include.days import Days
from include.embedded.environment import airflow_environment
from include.embedded.progress import ENDS, OURS, STARTS
from include.embedded.results import has_champion, has_history, has_scores, model_card, show
from include.embedded.setup import ensure_set_up
from include.errors import PipelineError
from include.landing.sources import completejourney
from include.landing.zone import TABLES, Landing
from include.settings import PROJECT, Settings, settings

HISTORY = Days(date(2017, 1, 1), date(2017, 12, 24))
DAY = HISTORY.last


def main() -> None:
    """Run the stages, print how long each took, and show the result."""
    started = time.monotonic()
    chosen = settings()
    times: dict[str, float] = {}
    try:
        print("\n== set up and land 2017", flush=True)
        _prepare(chosen)
        _stage_done(times, "set up and land 2017", started)
        done = {
            "lake_history": has_history(chosen, HISTORY),
            "train_weekly": has_champion(chosen, DAY),
            "score_daily": has_scores(chosen, DAY),
        }
        for dag_id in (dag_id for dag_id, is_done in done.items() if is_done):
            print(f"== {dag_id}: was there already", flush=True)
        needed = [dag_id for dag_id, is_done in done.items() if not is_done]
        if needed:
            _run_dags(chosen, needed, times)
    except PipelineError as error:
        sys.exit(f"\nerror: {error}")
    show(chosen)
    print(f"\nTime of each stage ({time.monotonic() - started:.0f} s in all):")
    for name, seconds in times.items():
        print(f"  {seconds:6.1f} s  {name}")
    _where_next(chosen)


def _stage_done(times: dict[str, float], name: str, started: float) -> None:
    times[name] = time.monotonic() - started
    print(f"== {name}: {times[name]:.1f} s", flush=True)


def _prepare(chosen: Settings) -> None:
    """Databases and landing, side by side: each keeps one core busy."""
    with ThreadPoolExecutor() as pool:
        landed = pool.submit(_land, chosen)
        ensure_set_up(chosen)
        landed.result()


def _land(chosen: Settings) -> None:
    landing = Landing(chosen.landing_uri)
    if not landing.incomplete(TABLES, completejourney.YEAR):
        return
    command = [sys.executable, "-m", "include.landing.sources.completejourney"]
    if subprocess.run(command, cwd=PROJECT, check=False).returncode:
        raise PipelineError("landing The Complete Journey failed: see the lines above")


def _run_dags(chosen: Settings, dag_ids: list[str], times: dict[str, float]) -> None:
    """DAG runs for the data day, one after the other, their tasks in order, in a child process."""
    history = f'{{"from_date": "{HISTORY.first}", "to_date": "{HISTORY.last}"}}'
    # A manual run's data interval is the last whole one before its date: this is the run of DAY.
    # Not midnight: that is the logical date of the scheduled run of the next day, and a backfill
    # passes over a day whose logical date is taken.
    when = f"{DAY + timedelta(days=1)}T06:00:00"
    command = [sys.executable, "-m", "include.embedded.dag_runs", when]
    command += [f"{dag}={history}" if dag == "lake_history" else dag for dag in dag_ids]
    log = chosen.home / "main_job.log"
    running, began = "", time.monotonic()
    errors: list[str] = []
    with (
        log.open("w", encoding="utf-8") as kept,
        subprocess.Popen(
            command,
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
            if line.startswith(STARTS):
                running = line.removeprefix(STARTS).strip()
                print(f"\n== {running}", flush=True)
            elif line.startswith(ENDS):
                _stage_done(times, running, began)
                began = time.monotonic()
            elif "[error " in line:
                errors.append(line.rstrip())
                print(f"  {line.rstrip()}", flush=True)
            elif ours := OURS.search(line):
                # Airflow adds the logger's name and the line's place.
                print(f"  {line[ours.start() :].split(' [airflow.')[0].rstrip()}", flush=True)
    if process.returncode:
        raise PipelineError(
            f"{running or 'Airflow'} failed, its whole log is {log}\n" + "\n".join(errors[-3:])
        )


def _where_next(chosen: Settings) -> None:
    campaigns = len(load_config(chosen).active_campaigns)
    print(
        f"""
Where to look next:
  make sql Q="select * from predictions.latest_campaign_propensity where campaign_id = 'coffee' order by rank limit 10"
  make sql Q="select table_name, sum(landed), sum(accepted), sum(rejected), sum(duplicate) from analytics.ingest_accounting group by 1"
  Data Docs: {chosen.data_docs_path}
  The champion's page: {model_card(chosen)}
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
