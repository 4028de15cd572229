"""Where a published score comes from: told from the records, and computed again to the last bit."""

import hashlib
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
import xgboost
import yaml
from mlflow.exceptions import MlflowException
from pyspark.sql import SparkSession
from sqlalchemy import text

from include.audience.erasure import erase_contact, erase_lake, erase_warehouse
from include.config import load_config
from include.contracts import lake_tables, propensity
from include.contracts.lineage import PAIR_FEATURES, VISITS
from include.database.engine import engine
from include.days import Days
from include.embedded import explain as explaining
from include.embedded.explain import explain
from include.errors import PipelineError
from include.lake.tables import Lake
from include.lake.upkeep import expire
from include.landing.sources import synthetic
from include.landing.zone import Landing
from include.models import tracking
from include.models.fitting import network_model, xgb
from include.models.fitting.network import Network, Parameters
from include.models.manifest import Family, Manifest
from include.models.matrix import CATEGORICAL, Layout
from include.models.prediction import MANIFEST_FILE
from include.models.promotion.registry import Version, register
from include.models.tracking import FinishedRun
from include.predictions.origin import Asked, Origin
from include.predictions.publish_day import publish_day
from include.predictions.revert import WITHDRAW, revert
from include.settings import PROJECT, Settings, settings
from spark_jobs import scores
from tests.integration.test_pipeline import CONFIG, FIRST, TRAFFIC, go, lake, query
from tests.integration.test_pipeline import market as market

DAY = FIRST + timedelta(days=1)
ONE = Days(DAY, DAY)
READ = (*PAIR_FEATURES, "core.users")


def layout(chosen: Settings) -> Layout:
    config = load_config(chosen)
    return Layout(
        tuple(column.name for column in propensity.features(config.events.names)),
        tuple(sorted(c.campaign_id for c in config.campaigns)),
        tuple(sorted(c.category for c in config.campaigns)),
    )


def trees(columns: Layout) -> bytes:
    rng = np.random.default_rng(1)
    matrix = rng.gamma(1.0, 3.0, (4000, len(columns.feature_types))).astype(np.float32)
    matrix[:, -len(CATEGORICAL) :] = rng.integers(0, 2, (4000, len(CATEGORICAL)))
    label = rng.random(4000) < 1 / (1 + np.exp(4 - matrix[:, :20].mean(axis=1)))
    train = xgboost.QuantileDMatrix(
        matrix, label, feature_types=columns.feature_types, enable_categorical=True
    )
    return xgb.Trees(xgboost.train({"objective": "binary:logistic"}, train, 40)).save()


def net(columns: Layout) -> bytes:
    torch.manual_seed(1)
    numbers = 2 * len(columns.features)
    network = Network(numbers, len(columns.campaigns), len(columns.categories), Parameters()).eval()
    with torch.no_grad():
        network.body[-1].bias -= 2  # type: ignore[operator]
    return network_model.Net(network, torch.zeros(numbers), torch.full((numbers,), 9.0)).save()


def registered(chosen: Settings, family: Family) -> Version:
    """A model that says something of every feature; what it says means nothing."""
    columns, events = layout(chosen), load_config(chosen).events
    learned = propensity.features(events.names, events.visit_names)
    content = (trees if family == "xgboost" else net)(columns)
    file = (xgb if family == "xgboost" else network_model).MODEL_FILE
    manifest = Manifest(
        family=family, experiment="made_up", parameters={}, features=columns.features,
        definitions={column.name: column.definition for column in learned},
        campaigns=columns.campaigns, categories=columns.categories, seed=1, device="cpu",
        trained_through=FIRST, examples_snapshot_id=77, snapshot_dates={}, code_version="then",
        image_digest="", model_file=file, model_sha256=hashlib.sha256(content).hexdigest(),
    )  # fmt: skip
    client = tracking.connect(chosen)
    run = tracking.log_run(
        client, name="made_up", tags={}, parameters={}, figures={}, report={},
        files={file: content, MANIFEST_FILE: manifest.model_dump_json().encode()},
    )  # fmt: skip
    uri = f"{client.get_run(run).info.artifact_uri}/model"
    return register(client, FinishedRun(run, "made_up", uri, {}, None), FIRST)  # type: ignore[arg-type]


def publish(model: Version, run: str = "score") -> None:
    arguments = ["--set", f"model_uri={model.uri}", "--set", f"model_version={model.version}"]
    go("scores", [scores.build], ONE, run, *arguments)
    publish_day(f"{DAY}", run, "as_of")


def score_text(user: int, campaign: str = "zero", day: date = DAY) -> str:
    return f"{day} {campaign} {user}"


def land_again(chosen: Settings) -> None:
    """Other events of the day, in the place of those that landed."""
    with Landing(chosen.landing_uri).write_day("events", DAY) as writer:
        writer.write(synthetic.events_batch(TRAFFIC, DAY, 10_000, 400))


@pytest.fixture
def published(market: Settings) -> Settings:
    lake(Days(FIRST, DAY))
    publish(registered(market, "xgboost"))
    return market


def users_of(chosen: Settings) -> list[int]:
    return [user for (user,) in query(
        chosen, "select user_id from predictions.campaign_propensity where campaign_id = 'zero' "
        "order by rank")]  # fmt: skip


def test_a_score_comes_out_again_and_a_changed_one_does_not(
    published: Settings, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    users = users_of(published)
    command = [sys.executable, "-m", "include.embedded", "explain"]
    try:
        # The login that writes isn't needed.
        with engine(published, "admin").begin() as connection:
            connection.execute(text("alter role pipeline nologin"))
        ended = subprocess.run(
            [*command, score_text(users[0])], cwd=PROJECT, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    finally:
        with engine(published, "admin").begin() as connection:
            connection.execute(text("alter role pipeline login"))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    said = " ".join(ended.stdout.split())
    for expected in (
        f"{DAY}, campaign zero, user {users[0]}", "rank 1, decile 1, arm ", "run score ",
        "published: all checks passed", "chosen by as_of", "made by attempt ",
        "which is what the lake holds now", f"trained through {FIRST}",
        "training.examples at snapshot 77", "experiment made_up (xgboost), seed 1", "code then",
        "features 80, SHA-256 of their names ", "user_active_days_7d ", " days ",
        "category category-0000", "EQUAL. Published 0.",
    ):  # fmt: skip
        assert expected in said, expected
    for user in (*users[:6], *users[-6:]):
        for campaign in ("zero", "one"):
            assert explain(published, score_text(user, campaign), spark)
    assert capsys.readouterr().out.count("EQUAL") == 24

    with engine(published, "admin").begin() as connection:
        connection.execute(
            text("update predictions.campaign_propensity set score = score + 1e-9 "
                 "where user_id = :user and campaign_id = 'zero'"), {"user": users[0]},
        )  # fmt: skip
    assert not explain(published, score_text(users[0]), spark)
    assert "DIFFERENT. Published 0." in (out := capsys.readouterr().out)
    assert ": -1e-09. What it was made from is the same, so the row was changed by hand" in out

    for path in Path(published.home).rglob("model.ubj"):
        path.unlink()
    assert not explain(published, score_text(users[1]), spark)
    assert "NOT COMPUTED AGAIN. Its model can't be used: the model at " in capsys.readouterr().out

    # Rows go through a network together: a row's score must not depend on the others.
    publish(registered(published, "torch"), "torch")
    for user in (*users[:6], *users[-6:]):
        assert explain(published, score_text(user), spark)


def test_a_day_that_was_built_again_is_computed_from_what_it_was_made_from(
    published: Settings, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    was = dict(query(published, "select user_id, score from predictions.campaign_propensity "
                     "where campaign_id = 'zero'"))  # fmt: skip
    land_again(published)
    lake(ONE, "again")
    go("scores", [scores.build], ONE, "again", "--set", "model_version=1", "--set",
       f"model_uri={tracking_uri(published)}")  # fmt: skip
    contracts, held = lake_tables(load_config(published).events.names), Lake(published)
    rows = held.arrow(contracts["scores.campaign_propensity"], ONE).to_pylist()
    now = {row["user_id"]: row["score"] for row in rows if row["campaign_id"] == "zero"}
    changed = next(user for user in sorted(was) if now[user] != was[user])

    assert explain(published, score_text(changed), spark)
    out = capsys.readouterr().out
    assert out.count("Its rows were built again since (2026-03-02 by attempt ") == 5
    assert f"EQUAL. Published {was[changed]!r}" in out

    for name in READ:
        expire(held, contracts[name], datetime.now(UTC))
    assert not explain(published, score_text(changed), spark)
    out = capsys.readouterr().out
    assert "which has expired, and was built again since (2026-03-02 by attempt " in out
    assert f"Published {was[changed]!r}, computed again {now[changed]!r}: " in out
    assert "That says nothing against the publication: features.user_category, features.u" in out


def tracking_uri(chosen: Settings) -> str:
    (version,) = query(chosen, "select model_version from predictions.publications limit 1")[0]
    return str(tracking.connect(chosen).get_model_version("campaign_propensity", version).source)


def test_what_is_not_there_is_said(published: Settings, spark: SparkSession) -> None:
    users = users_of(published)

    def refused(asked: str) -> str:
        with pytest.raises(PipelineError) as error:
            explain(published, asked, spark)
        return str(error.value)

    for asked in ("", "coffee 2026-03-02 1", "2026-03-02 zero", f"{DAY} zero 1 2", f"{DAY} zero x",
                  f"{DAY} zero {2**63}", f"{DAY} ze\0ro 1", f"{DAY} z\udcff 1"):  # fmt: skip
        assert refused(asked).startswith(f"SCORE={asked!r} doesn't name a score: give day, campai")
    before = DAY - timedelta(days=1)
    assert refused(score_text(users[0], day=before)) == (
        f"nobody has tried to publish scores of {before}; published days reach from {DAY} to {DAY}"
    )
    assert refused(score_text(users[0], "coffee")) == (
        f"publication 1 of {DAY} has no campaign coffee; it has: one, zero"
    )
    assert refused(score_text(10**15)).startswith(
        f"publication 1 of {DAY} has no user 1000000000000000: they weren't known by the end of"
    )

    gone, kept = users[0], users[1]
    contacts = erase_contact(gone, "#1")
    erased = f"user {gone} was erased: no score and no feature of theirs is kept"
    assert refused(score_text(gone)).startswith(erased)  # though its rows are still there
    erase_warehouse(gone, contacts, erase_lake(gone))
    assert refused(score_text(gone)).startswith(erased)
    # Nobody else's score is touched, though no snapshot of then is left.
    assert explain(published, score_text(kept), spark)

    revert(engine(published), DAY, WITHDRAW, "prices were in cents", "ann")
    said = refused(score_text(kept))
    assert said.startswith(f"scores of {DAY} were withdrawn by ann at 20")
    assert said.endswith(
        "UTC (prices were in cents). Its publications: 1 is reverted (taken back by ann: prices "
        "were in cents)"
    )


def test_it_is_made_by_the_attempt_that_made_it(
    published: Settings, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another model scores the day from the same rows; then the first one's scores are back."""
    user = users_of(published)[0]
    first = query(published, "select attempt, code_version from predictions.publications")
    publish(registered(published, "torch"), "torch")
    revert(engine(published), DAY, 1, "worse", "ann")
    ((number, attempt, code),) = query(
        published, "select publication_id, attempt, code_version from predictions.publications "
        "where status = 'published'")  # fmt: skip
    assert (number, [(attempt, code)]) == (1, first)
    assert explain(published, score_text(user), spark)
    assert f"attempt {attempt}, code {code}" in " ".join(capsys.readouterr().out.split())


def test_what_is_replaced_before_it_is_published_is_known_to_be(
    market: Settings, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    lake(Days(FIRST, DAY))
    model = registered(market, "xgboost")
    arguments = ["--set", f"model_uri={model.uri}", "--set", f"model_version={model.version}"]
    go("scores", [scores.build], ONE, "late", *arguments)
    time.sleep(1.1)
    land_again(market)
    lake(ONE, "again")
    publish_day(f"{DAY}", "late", "as_of")
    contracts, held = lake_tables(load_config(market).events.names), Lake(market)
    for name in READ:
        expire(held, contracts[name], datetime.now(UTC))
    for user in users_of(market):
        if not explain(market, score_text(user), spark):
            break
    out = capsys.readouterr().out
    assert "which has expired, and was built again since (2026-03-02 by attempt " in out
    assert "That says nothing against the publication" in out


def test_a_snapshot_that_goes_meanwhile_and_what_is_broken_is_said(
    published: Settings, spark: SparkSession, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    user = users_of(published)[0]
    contracts, held = lake_tables(load_config(published).events.names), Lake(published)
    asked = explaining.origin_of

    def then(chosen: Settings, what: Asked) -> Origin:
        found = asked(chosen, what)
        land_again(published)
        lake(ONE, "again")
        expire(held, contracts["features.user_category"], datetime.now(UTC))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(explaining, "origin_of", then)
        assert not explain(published, score_text(user), spark)
    out = capsys.readouterr().out
    assert "NOT COMPUTED AGAIN. The lake lacks it: features.user_category has no snapshot " in out

    def away(*_: object) -> None:
        raise MlflowException("connection refused\nand a page more")

    monkeypatch.setattr(explaining, "model_uri", away)
    assert not explain(published, score_text(user), spark)
    assert capsys.readouterr().out.endswith(
        "\nNOT COMPUTED AGAIN. MlflowException: connection refused\n"
    )


def test_a_campaign_that_is_configured_no_more_cannot_be_computed(
    published: Settings, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    path = published.campaigns
    path.write_text(CONFIG["campaigns.yaml"].replace("zero", "other"), encoding="utf-8")
    assert not explain(published, score_text(users_of(published)[0]), spark)
    out = capsys.readouterr().out
    assert f"NOT COMPUTED AGAIN. The lake lacks it: {path} has no campaign zero any more" in out


def test_what_a_score_was_made_from_is_read_by_the_rules_of_then(
    published: Settings,
    spark: SparkSession,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Another type makes no visit any more; and a score of before there were visits."""
    user = users_of(published)[0]
    events = yaml.safe_load(published.events.read_text(encoding="utf-8"))
    events["types"][0]["is_exposure"] = True
    (tmp_path / "later.yaml").write_text(yaml.safe_dump(events), encoding="utf-8")
    monkeypatch.setenv("PROPENSITY_EVENTS", str(tmp_path / "later.yaml"))
    settings.cache_clear()
    assert explain(settings(), score_text(user), spark)
    assert "EQUAL. Published 0." in capsys.readouterr().out

    # As an earlier version left it: without these tables, and with a model that knows none of them.
    with engine(published, "admin").begin() as connection:
        for name in VISITS:
            connection.execute(
                text("update predictions.publications set lake_snapshots = lake_snapshots - :name"),
                {"name": name},
            )
            Lake(published).catalog.drop_table(name)
            Lake(published).create(lake_tables(load_config(published).events.names)[name])
    assert not explain(published, score_text(user), spark), "this model does know them"
    assert "DIFFERENT. Published 0." in capsys.readouterr().out
