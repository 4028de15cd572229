"""From a training run to a champion and back: decisions that are kept, refusals that say why."""

import shutil
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from include.config import load_config
from include.contracts import Table, lake_tables, propensity
from include.database.address import database_url
from include.database.engine import engine
from include.errors import NoModelError, PipelineError
from include.lake.commit import commit
from include.lake.tables import Lake
from include.models import fit, tracking
from include.models.prediction import read_model
from include.models.promotion import registry
from include.models.promotion.champions import champion_history
from include.models.promotion.decide import compare_and_record, promote
from include.models.promotion.rollback import rollback_model
from include.predictions.choose import choose_model
from include.settings import Settings, settings

SUNDAYS = [date(2026, 3, 1) + timedelta(weeks=n) for n in range(6)]
EXPERIMENTS = """
snapshot_weekday: 6
snapshot_weeks: 6
negative_share: 1.0
promotion: {min_auc_gain: 0.0, max_calibration_error: 0.5, min_finished_experiments: 2,
            resamples: 40}
experiments:
  - {name: trees, family: xgboost, parameters: {max_depth: 3, rounds: 40, min_child_weight: 2.0}}
  - {name: net, family: torch, parameters: {hidden: 16, layers: 1, epochs: 6, batch_size: 256}}
  - {name: stump, family: xgboost, parameters: {max_depth: 1, rounds: 2}}
"""


@pytest.fixture
def market(place: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    path = tmp_path / "experiments.yaml"
    path.write_text(EXPERIMENTS, encoding="utf-8")
    monkeypatch.setenv("PROPENSITY_EXPERIMENTS", str(path))
    settings.cache_clear()
    chosen = settings()
    tracking.connect(chosen)
    with psycopg.connect(database_url(chosen, "mlflow")) as connection:
        connection.execute("truncate runs, registered_models cascade")
    return chosen


def contract(chosen: Settings) -> Table:
    return lake_tables(load_config(chosen).events.names)["training.examples"]


def examples(chosen: Settings, days: list[date], users: int = 400) -> int:
    """Commit made-up examples, of which recency tells half. The snapshot's id."""
    table, lake = contract(chosen), Lake(chosen)
    lake.create(table)
    campaigns = load_config(chosen).active_campaigns
    rng = np.random.default_rng(5)
    count = users * len(campaigns)
    files = []
    for day in days:
        recent = rng.gamma(1.0, 2.0, count)
        columns: dict[str, Any] = {name: rng.random(count) for name in table.column_names}
        other = columns["user_value_sum_7d"] > 0.5
        label = rng.random(count) < 1 / (1 + np.exp(3.5 - 0.8 * recent - 2.5 * other))
        columns |= {
            "user_id": np.repeat(np.arange(users), len(campaigns)),
            "campaign_id": [c.campaign_id for c in campaigns] * users,
            "category": [c.category for c in campaigns] * users,
            propensity.RECENCY_FEATURE: recent,
            "label": label.astype(np.int32), "weight": np.ones(count),
            "snapshot_date": pa.array([day] * count),
        }  # fmt: skip
        uri = lake.stage_uri(table, f"made-up-{day}") + f"/_day={day}/part.parquet"
        path = Path(uri.removeprefix("file://"))
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table(columns, schema=table.arrow_schema()), path)
        files.append(uri)
    snapshot = commit(lake, table, days, files, {})
    assert snapshot is not None
    return snapshot


def train(run: str, as_of: date, snapshot: int, *names: str) -> None:
    for name in names or ("trees", "net", "stump"):
        fit.main(["--experiment", name, "--examples-snapshot", str(snapshot), "--as-of",
                  f"{as_of}", "--training-run", run])  # fmt: skip


def decided(chosen: Settings, run: str) -> tuple[Any, ...]:
    with engine(chosen).connect() as connection:
        found = connection.execute(
            text("select outcome, decided_by, model_version, champion_version, objections "
                 "from analytics.model_decisions where training_run = :run"), {"run": run},
        ).one()  # fmt: skip
    return tuple(found)


def rollback(**parameters: Any) -> str:
    given = {"version": None, "from_date": None, "reason": "a test"} | parameters
    return rollback_model(given, "ann")


def test_two_weeks_of_champions_and_the_way_back(market: Settings) -> None:
    snapshot = examples(market, SUNDAYS)
    first, second = SUNDAYS[4], SUNDAYS[5]
    train("one", first, snapshot)
    found = compare_and_record("one", f"{first}", snapshot, [])
    assert found["is_acceptable"], found["summary"]
    assert decided(market, "one")[:2] == ("undecided", "the conditions in experiments.yaml")
    assert promote("one", found, None)
    assert decided(market, "one") == (
        "promoted",
        "the conditions in experiments.yaml",
        "1",
        None,
        [],
    )

    # Cleared and repeated: the same version, still champion, no second row of history.
    again = compare_and_record("one", f"{first}", snapshot, [])
    assert again["version"] == found["version"] == "1"
    assert again["is_acceptable"]
    assert promote("one", again, None)
    assert [(r.from_date, r.version) for r in champion_history(engine(market))] == [(first, "1")]

    # A week later, judged beside the champion on the same rows; by chance alone it isn't better.
    train("two", second, snapshot)
    found = compare_and_record("two", f"{second}", snapshot, [])
    assert decided(market, "two")[3] == "1"
    with engine(market).connect() as connection:
        judged = connection.execute(
            text("select experiment, count(*), count(distinct row_count), "
                 "bool_and(log_loss between log_loss_low and log_loss_high) "
                 "from analytics.model_comparison where as_of_date = :day and scope <> 'all' "
                 "and scope <> 'mean_of_campaigns' group by 1 order by 1"), {"day": second},
        ).all()  # fmt: skip
    campaigns = len(load_config(market).active_campaigns)
    assert [tuple(row) for row in judged] == [
        (name, campaigns, 1, True)
        for name in ("baseline_constant", "baseline_recency", "champion", "net", "stump", "trees")
    ]
    promote("two", found | {"is_acceptable": True}, None)
    client = tracking.connect(market)
    alias = client.get_model_version_by_alias(registry.MODEL, registry.CHAMPION)
    assert str(alias.version) == found["version"] == "2"
    # Sunday was scored by its predecessor six hours before it was trained; that stays so.
    for day, version in ((first, "1"), (second, "1"), (second + timedelta(days=1), "2")):
        assert choose_model(f"{day}", "as_of")["version"] == version
    # The same again, now that it is champion itself.
    promote("two", found | {"is_acceptable": True}, None)
    assert choose_model(f"{second}", "as_of")["version"] == "1"

    # A version that somebody registers by hand in MLflow is in nobody's way.
    client.create_model_version(registry.MODEL, source="file:///nowhere")
    client.create_model_version(registry.MODEL, source="file:///nowhere",
                                tags={registry.TRAINED_THROUGH: "last week"})  # fmt: skip
    assert choose_model(f"{first}", "as_of")["version"] == "1"
    with pytest.raises(NoModelError, match=r"no version '3' that train_weekly registered; there a"):
        choose_model(f"{first}", "pinned:3")

    assert rollback() == "1"
    assert choose_model("2030-01-01", "as_of")["version"] == "1"
    assert choose_model(f"{first}", "champion")["version"] == "1"
    assert str(client.get_model_version_by_alias(registry.MODEL, "champion").version) == "1"
    with pytest.raises(NoModelError, match="version 1 was brought back itself: name the `version`"):
        rollback()
    with pytest.raises(NoModelError, match="version 1 is champion already"):
        rollback(version="1")
    with pytest.raises(NoModelError, match="version 2 was trained through 2026-04-05, so it can't"):
        rollback(version="2", from_date="2026-04-04")
    assert rollback(version="2", from_date="2026-05-01") == "2"
    assert choose_model("2026-04-30", "as_of")["version"] == "1"
    assert choose_model("2026-05-01", "as_of")["version"] == "2"


def test_a_champion_that_lost_a_feature_is_not_replaced_unseen(
    market: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = examples(market, SUNDAYS)
    first, second = SUNDAYS[4], SUNDAYS[5]
    train("one", first, snapshot, "trees", "stump")
    promote("one", compare_and_record("one", f"{first}", snapshot, []), None)
    # A feature is taken away that it needs.
    whole = propensity.features
    monkeypatch.setattr(propensity, "features", lambda *kinds: whole(*kinds)[1:])
    train("two", second, snapshot, "trees", "stump")
    found = compare_and_record("two", f"{second}", snapshot, [])
    assert decided(market, "two")[3] is None
    gone = whole(())[0].name
    assert not found["is_acceptable"]
    said = f"champion 1 (trees) can't be compared with, since it needs {gone}. Bring these features"
    assert said in found["summary"]
    assert not promote("two", found, None)


def test_a_model_card_says_what_it_is_with_pictures(market: Settings) -> None:
    snapshot = examples(market, SUNDAYS[:4])
    train("one", SUNDAYS[3], snapshot)
    images = [{"experiment": name, "image": f"{name}@sha256:0123"} for name in ("trees", "net")]
    found = compare_and_record("one", f"{SUNDAYS[3]}", snapshot, images)
    folder = Path(found["card"].removeprefix("file://")).parent
    page = (folder / "model_card.html").read_text(encoding="utf-8")
    experiment = found["summary"].split()[0]
    for expected in ("version 1", found["summary"], f"{experiment}@sha256:0123", "SHA-256",
                     "baseline_recency", "data:image/png;base64,iVBOR", f"{snapshot}"):  # fmt: skip
        assert expected in page, expected
    for name in ("reliability.png", "lift.png", "importance.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("answer", "outcome", "who"),
    [
        ({"chosen_options": ["Promote"], "responded_by_user": {"name": "Ada"}}, "promoted", "Ada"),
        ({"chosen_options": ["Keep the champion"], "responded_by_user": {"name": "Ada"}},
         "declined", "Ada"),
        ({"chosen_options": ["Keep the champion"], "responded_by_user": None},
         "declined", "nobody answered in time"),
    ],
)  # fmt: skip
def test_what_a_person_said_is_kept(
    market: Settings, answer: dict[str, Any], outcome: str, who: str
) -> None:
    snapshot = examples(market, SUNDAYS[:4])
    train("one", SUNDAYS[3], snapshot, "trees", "stump")
    found = compare_and_record("one", f"{SUNDAYS[3]}", snapshot, [])
    assert "(net did not finish)" in found["summary"]
    assert promote("one", found, answer) is (outcome == "promoted")
    assert decided(market, "one")[:2] == (outcome, who)
    assert len(champion_history(engine(market))) == (outcome == "promoted")


def test_fewer_than_the_minimum_fail_and_say_which(market: Settings) -> None:
    snapshot = examples(market, SUNDAYS[:4])
    train("one", SUNDAYS[3], snapshot, "stump")
    with pytest.raises(
        PipelineError, match=r"1 of 3 experiments of one finished \(not: trees, net\)"
    ):
        compare_and_record("one", f"{SUNDAYS[3]}", snapshot, [])


def test_experiments_that_were_judged_on_other_rows_are_not_compared(
    market: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    snapshot = examples(market, SUNDAYS[:4])
    train("one", SUNDAYS[3], snapshot, "trees")
    path = tmp_path / "experiments.yaml"
    path.write_text(EXPERIMENTS + "reading: {judged_rows: 500}\n", encoding="utf-8")
    train("one", SUNDAYS[3], snapshot, "stump")
    with pytest.raises(PipelineError, match="trees was judged on other rows than stump"):
        compare_and_record("one", f"{SUNDAYS[3]}", snapshot, [])


def test_a_version_that_does_not_fit_is_refused(market: Settings) -> None:
    with pytest.raises(NoModelError, match="nothing was promoted yet"):
        rollback()
    snapshot = examples(market, SUNDAYS[:5])
    for run, as_of in (("one", SUNDAYS[3]), ("two", SUNDAYS[4])):
        train(run, as_of, snapshot, "trees", "stump")
        found = compare_and_record(run, f"{as_of}", snapshot, [])
        promote(run, found | {"is_acceptable": True}, None)
    client = tracking.connect(market)
    folder = Path(registry.find(client, "1", []).uri.removeprefix("file://"))
    manifest = folder / "manifest.json"
    kept = manifest.read_text(encoding="utf-8")
    manifest.write_text(kept.replace("user_categories_84d", "user_moods_84d"), encoding="utf-8")
    with pytest.raises(
        NoModelError, match=r"doesn't fit features.\*: it needs user_moods_84d\. Bri"
    ):
        rollback()
    manifest.write_text(kept, encoding="utf-8")
    with (folder / "model.ubj").open("ab") as file:
        file.write(b"?")
    with pytest.raises(NoModelError, match="is not the file that was saved"):
        rollback()
    assert [r.version for r in champion_history(engine(market))] == ["1", "2"]
    shutil.rmtree(folder)
    with pytest.raises(NoModelError, match="lacks a file"):
        rollback()


def test_same_snapshot_and_seed_give_the_same_bytes(market: Settings) -> None:
    """The whole entry point, from the lake to the artifact, both families."""
    snapshot = examples(market, SUNDAYS[:4])
    for run in ("one", "two"):
        train(run, SUNDAYS[3], snapshot, "trees", "net")
    client = tracking.connect(market)
    hashes = [
        [read_model(run.uri).manifest.model_sha256 for run in tracking.finished_runs(client, name)]
        for name in ("one", "two")
    ]
    assert len(hashes[0]) == 2
    assert hashes[0] == hashes[1]


def test_torch_fits_in_two_processes_as_it_would_on_two_gpus(
    market: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    # As many rows as 80 features ask for, of which two say something.
    snapshot = examples(market, SUNDAYS[:4], users=1_600)
    command = [sys.executable, "-m", "include.models.fit", "--experiment", "net",
               "--examples-snapshot", str(snapshot), "--as-of", f"{SUNDAYS[3]}",
               "--training-run", "both", "--device", "cpu", "--processes", "2"]  # fmt: skip
    subprocess.run(command, check=True)
    assert "2 process(es)" in capfd.readouterr().out
    train("alone", SUNDAYS[3], snapshot, "net")
    client = tracking.connect(market)
    (both,), (alone,) = (tracking.finished_runs(client, run) for run in ("both", "alone"))
    one, two = (run.judged.probability["net"] for run in (both, alone))
    assert np.corrcoef(one, two)[0, 1] > 0.95
    with pytest.raises(PipelineError, match="trees: xgboost fits in one process, not in 2"):
        fit.main([*command[3:4], "trees", *command[5:]])


def test_cuda_without_a_device_fails(market: Settings) -> None:
    with pytest.raises(PipelineError, match="device cuda was asked for, but this machine has no"):
        fit.main(["--experiment", "trees", "--examples-snapshot", "1", "--as-of", "2026-03-22",
                  "--training-run", "x", "--device", "cuda"])  # fmt: skip
