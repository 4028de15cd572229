"""The whole way on made-up traffic, from landing files to predictions; and its promises."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from sqlalchemy import text

from include.config import load_config
from include.contracts import lake_tables, propensity
from include.contracts.lineage import FEATURES
from include.database.engine import engine
from include.days import Days
from include.errors import NoModelError, PipelineError
from include.lake.gate import gate
from include.lake.publish import publish
from include.lake.tables import Lake
from include.landing.sources import synthetic
from include.landing.sources.synthetic import Traffic
from include.landing.zone import Landing
from include.models import tracking
from include.models.fitting.launch import examples_snapshot, fit_in_subprocess
from include.models.prediction import read_model
from include.models.promotion.decide import compare_and_record, promote
from include.predictions.choose import choose, choose_model
from include.predictions.publish_day import publish_day
from include.settings import Settings, settings
from spark_jobs import examples, lake_days, scores
from spark_jobs.job import run_job
from spark_jobs.tables import Tables
from spark_jobs.transforms.pairs import FeatureTables
from tests.integration.nights import checksums

FIRST = date(2026, 3, 1)  # a Sunday
LAST = FIRST + timedelta(days=34)
TRAFFIC = Traffic(users=120, listings=60, categories=6, events_per_day=400, duplicate_share=0.02,
                  late_share=0.03, malformed_share=0.01, is_shuffled=True)  # fmt: skip

CONFIG = {
    "events.yaml": """
types: [{name: view}, {name: favourite}, {name: contact}]
max_lateness_days: 30
duplicate_lookback_days: 3
""",
    "campaigns.yaml": """
campaigns:
  - {campaign_id: zero, category: category-0000, positive_event_types: [contact, favourite],
     horizon_days: 7, holdout_share: 0.2}
  - {campaign_id: one, category: category-0001, positive_event_types: [view],
     horizon_days: 7, holdout_share: 0.2}
""",
    "experiments.yaml": """
snapshot_weekday: 6
snapshot_weeks: 8
negative_share: 1.0
promotion: {min_auc_gain: 0.0, max_calibration_error: 1.0, min_finished_experiments: 1}
experiments:
  - {name: trees, family: xgboost,
     parameters: {max_depth: 3, rounds: 40, min_child_weight: 2.0}}
""",
}


@pytest.fixture
def market(
    place: Settings, spark: SparkSession, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Settings:
    """A market with another vocabulary and other campaigns than the one that ships."""
    for name, content in CONFIG.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
        monkeypatch.setenv(f"PROPENSITY_{Path(name).stem.upper()}", str(tmp_path / name))
    settings.cache_clear()
    chosen = settings()
    synthetic.land(Landing(chosen.landing_uri), TRAFFIC, Days(FIRST, LAST))
    return chosen


def lake(days: Days, run: str = "") -> None:
    """One run of lake_daily or lake_history."""
    go("lake_days", lake_days.BUILDS, days, run or f"lake/{days}")


def go(job: str, builds: list[Callable[..., None]], days: Days, run: str, *more: str) -> None:
    arguments = ["--from-day", f"{days.first}", "--to-day", f"{days.last}", "--run", run, *more]
    run_job(job, builds, arguments)
    gate(job, run)
    publish(job, run)


def query(chosen: Settings, sql: str) -> list[tuple[Any, ...]]:
    with engine(chosen).connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def test_a_range_and_day_by_day_and_again_give_equal_tables(market: Settings) -> None:
    days = Days(FIRST, FIRST + timedelta(days=2))
    lake(days)
    in_one, snapshots = checksums(market), {}
    for day in (days.first, days.last):  # a Sunday, and the last
        snapshots[day] = checksums(market, Days(day, day))
    assert in_one["core.events"][0] > 1_000
    assert in_one["core.rejected_events"][0] > 0
    for day in days:
        lake(Days(day, day))
    day_by_day = checksums(market)
    # Day by day every day gets features; the range made Sunday's and the last day's.
    for name in FEATURES:
        for day, made in snapshots.items():
            assert made[name][0] > 0
            assert checksums(market, Days(day, day))[name] == made[name], f"{name} of {day}"
        assert day_by_day[name][0] > in_one[name][0]
    for name in ("core.events", "core.rejected_events", "core.users", "core.listings",
                 "features.user_category_daily"):  # fmt: skip
        assert day_by_day[name] == in_one[name], name
    lake(Days(FIRST + timedelta(days=1), FIRST + timedelta(days=1)), "again")
    assert checksums(market) == day_by_day
    landed, parts = query(
        market,
        "select sum(landed), sum(accepted + rejected + duplicate) "
        "from analytics.ingest_accounting where table_name = 'events'",
    )[0]
    assert landed == parts == 3 * TRAFFIC.events_per_day


def test_what_arrives_later_does_not_change_earlier_features(market: Settings) -> None:
    """Plant events that happened on the day but arrive a day later."""
    day, following = FIRST + timedelta(days=1), FIRST + timedelta(days=2)
    lake(Days(FIRST, day))
    before = checksums(market, Days(day, day))
    landing = Landing(market.landing_uri)
    with landing.write_day("events", following) as writer:
        writer.write(
            synthetic.events_batch(
                Traffic(users=120, listings=60, categories=6, late_share=0.8), following, 0, 300
            )
        )
    lake(Days(following, following))
    lake(Days(day, day), "rerun")
    assert checksums(market, Days(day, day)) == before
    with_late = checksums(market, Days(following, following))
    assert with_late["features.user_category"][0] > 0


def test_from_landing_files_to_a_prediction_that_can_be_computed_again(
    market: Settings, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake(Days(FIRST, LAST))
    go("examples", [examples.build], Days(LAST, LAST), "train")
    snapshot = examples_snapshot()
    client = tracking.connect(market)
    with pytest.raises(NoModelError, match="no model was champion on 2026-03-01; there are: "):
        choose(client, "as_of", FIRST, [])
    fit_in_subprocess("trees", snapshot, f"{LAST}", "train")
    verdict = compare_and_record("train", f"{LAST}", snapshot, [])
    assert verdict["summary"].startswith("trees has the lowest log loss of 1 experiments")
    # With 120 users, whether it beats the baselines is luck; what follows must not depend on it.
    assert promote("train", verdict | {"is_acceptable": True}, None)

    experiments = {e for (e,) in query(market, "select experiment from analytics.model_comparison")}
    assert experiments == {"trees", "baseline_constant", "baseline_recency"}

    chosen = choose_model(f"{LAST}", "as_of")
    assert chosen["version"] == verdict["version"]
    arguments = ["--set", f"model_uri={chosen['uri']}", "--set",
                 f"model_version={chosen['version']}"]  # fmt: skip
    go("scores", [scores.build], Days(LAST, LAST), "score", *arguments)
    publish_day(f"{LAST}", "score", "as_of")
    assert query(
        market,
        "select count(*), count(distinct (campaign_id, user_id)), min(score) >= 0, "
        "max(score) <= 1, count(distinct model_version), count(distinct arm) "
        "from predictions.latest_campaign_propensity",
    ) == [(240, 240, True, True, 1, 2)]

    # Scores computed again from what the publication refers to: same examples, same model.
    contract = lake_tables(load_config(market).events.names)["scores.campaign_propensity"]
    (publication,) = query(market, "select lake_snapshots, row_count from predictions.publications")
    assert publication[0]["scores.campaign_propensity"] == Lake(market).snapshot_id(contract)
    again = "score again"
    go("scores", [scores.build], Days(LAST, LAST), again, *arguments)
    publish_day(f"{LAST}", again, "as_of")
    assert query(market, "select status from predictions.publications") == [("published",)]

    manifest = read_model(chosen["uri"]).manifest
    assert manifest.parameters["rounds"] == 40
    assert manifest.parameters["early_stopping_rounds"] == 20, "a default"
    assert manifest.best_iteration is not None
    assert 1 <= manifest.best_iteration <= 40
    mine = next(run for run in tracking.finished_runs(client, "train") if run.experiment == "trees")
    kept = client.get_run(mine.run_id).data
    assert kept.params["early_stopping_rounds"] == "20"
    assert kept.metrics["best_iteration"] == manifest.best_iteration

    # Training rows through the path that scores a day: what training saw and what it would say.
    snapshot_date = FIRST + timedelta(days=21)
    assert unlike(spark, market, snapshot_date, chosen["uri"]) == {}
    joined = scores.feature_tables

    def of_the_next_user(*asked: Any, **rest: Any) -> FeatureTables:
        found = joined(*asked, **rest)
        return replace(found, user=found.user.withColumn("user_id", F.col("user_id") + 1))

    with monkeypatch.context() as patch:
        patch.setattr(scores, "feature_tables", of_the_next_user)
        wrong = unlike(spark, market, snapshot_date, chosen["uri"])
    assert {"score", "user_view_count_84d", "user_active_days_28d"} <= wrong.keys()
    assert not [name for name in wrong if name.startswith(("category_", "positive_"))]

    with pytest.raises(NoModelError, match="there is no version '99' that train_weekly registered"):
        choose(client, "pinned:99", LAST, [])
    with pytest.raises(NoModelError, match="is none of as_of, champion, pinned:<version>"):
        choose(client, "newest", LAST, [])
    assert choose_model(f"{FIRST}", "champion")["version"] == chosen["version"]


def unlike(spark: SparkSession, chosen: Settings, day: date, model_uri: str) -> dict[str, int]:
    """How many training rows of a snapshot date scoring sees otherwise, by what it sees.

    Features as `score_daily` joins them, and scores as it makes them: in Spark's Python workers.
    """
    config, model = load_config(chosen), read_model(model_uri)
    tables = Tables(spark, chosen, config, Days(day, day))
    tables.pins = {name: tables.lake.pin(contract) for name, contract in tables.tables.items()}
    _, pairs = scores.pairs_of(tables, config.active_campaigns)
    key = ["user_id", "campaign_id"]
    seen = pairs.toArrow().sort_by([(name, "ascending") for name in key])
    kinds = "score_date date, user_id long, campaign_id string, score double"
    said = pairs.mapInArrow(partial(scores.predict, model), kinds).toArrow()
    said = said.sort_by([(name, "ascending") for name in key])

    contract = tables.contract("training.examples")
    rows = Lake(chosen).arrow(contract, Days(day, day)).sort_by([(n, "ascending") for n in key])
    assert rows.num_rows > 100
    assert rows.select(key).equals(seen.select(key))
    assert rows.select(key).equals(said.select(key))
    names = [column.name for column in propensity.features(config.events.names)]
    both = [(name, rows[name], seen[name]) for name in ("category", *names)]
    both.append(("score", pa.array(model.load().predict(rows)), said["score"]))
    found = {
        name: sum(a != b for a, b in zip(x.to_pylist(), y.to_pylist(), strict=True))
        for name, x, y in both
    }
    return {name: count for name, count in found.items() if count}


def test_a_failed_fit_says_why(market: Settings) -> None:
    with pytest.raises(PipelineError, match=r"experiment none ended with exit code 1: .*no exper"):
        fit_in_subprocess("none", 1, f"{LAST}", "train")


def test_the_entry_point_needs_no_airflow_and_no_spark() -> None:
    # MLflow imports Spark where it is installed: so here it isn't.
    probe = (
        "import sys; sys.modules.update(airflow=None, pyspark=None)\n"
        "import include.models.fit, include.models.fitting.xgb\n"
        "import include.models.fitting.network_model\n"
        "print('imported')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert ended.stdout.strip() == "imported"
