"""The stages of a night's second half: features to scores, and scores to the prediction table."""

import hashlib
import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import xgboost

from include.config import load_config
from include.contracts import propensity
from include.models.fitting.xgb import MODEL_FILE, Trees
from include.models.manifest import Manifest
from include.models.matrix import Layout, to_matrix
from include.models.prediction import MANIFEST_FILE
from include.settings import PROJECT, settings
from tests.bench.harness import BenchError, Digest, Outcome, Side, Stage
from tests.bench.jobs import Job
from tests.bench.market import DAY
from tests.bench.place import HOME, LOGS
from tests.bench.planted import Planted
from tests.bench.process import run
from tests.bench.stages import NOTHING_LANDED, Files, paths, work_of
from tests.bench.yardstick import Yardstick
from tests.bench.yardsticks.pairs_duckdb import pairs
from tests.bench.yardsticks.work import Work

SCORES = "scores.campaign_propensity"
RUN = "bench/published"
PUBLISHED = re.compile(r"^\[(?:publish|rows)\] \D*(?:\d+-\d+-\d+: )?([\d,]+)", re.MULTILINE)
ROUNDS, DEPTH, FITTED_ROWS, FILES = 200, 6, 200_000, 8
OURS_ALONE = {SCORES: ("rank", "decile", "arm", "model_version")}
"""Columns that the bare library doesn't make."""


def scoring_stages(planted: Planted, published: Files, size: str) -> tuple[Stage, Job]:
    """Scores of planted features; and the job, to publish what it makes."""
    asked = work_of(
        tables={table: paths(files) for table, files in published.items()},
        days=tuple(f"{day}" for day in planted.days),
        campaigns=str(planted.campaigns_path),
    )
    files = _write_pairs(asked)
    model = _save_model(planted, asked.event_types, files[0])
    job = Job("scores", NOTHING_LANDED, planted.campaigns_path,
              {"model_uri": model, "model_version": "1"}, OURS_ALONE)  # fmt: skip
    bare = work_of(model=model, tables={"pairs": tuple(files)})
    yardstick = Yardstick("scores_bare", bare, (SCORES,), without=OURS_ALONE)
    return Stage(
        f"scores_{size}",
        Side("ours", job.measure),
        (Side("bare_library", yardstick.measure),),
    ), job


def publishing_stage(job: Job, size: str) -> Stage:
    """Published scores of the lake to the prediction table, and the same rows by one COPY."""
    files = job.publish(RUN)[SCORES]
    work = work_of(rows=paths(files))
    return Stage(
        f"publishing_{size}",
        Side("ours", partial(_rows, job, "tests.bench.publish_scores", RUN)),
        (
            Side(
                "bare_copy",
                partial(_rows, job, "tests.bench.yardsticks.publishing_bare", work.to_json()),
            ),
        ),
    )


def _rows(job: Job, module: str, argument: str) -> Outcome:
    ran = run(
        [sys.executable, "-m", module, argument], job.environment(), PROJECT,
        LOGS / f"{module.rpartition('.')[2]}.log",
    )  # fmt: skip
    found = PUBLISHED.search(ran.output)
    if found is None:
        raise BenchError(f"{module} doesn't say how many rows it loaded")
    rows = Digest(int(found[1].replace(",", "")))
    return Outcome(
        duration_s=ran.timed_s, outputs={"rows": rows}, peak_rss_bytes=ran.peak_rss_bytes
    )


def _write_pairs(asked: Work) -> Sequence[str]:
    """The matrix's rows, made by DuckDB, for the bare library."""
    folder = HOME / "pairs"
    folder.mkdir()
    with duckdb.connect() as database:
        database.execute("set TimeZone = 'UTC'")
        for number in range(FILES):
            database.sql(f"from ({pairs(asked)}) where user_id % {FILES} = {number}").write_parquet(
                f"{folder}/{number}.parquet"
            )
    return sorted(str(path) for path in folder.iterdir())


def _save_model(planted: Planted, event_types: tuple[str, ...], path: str) -> str:
    """Trees that are as many and as deep as a champion's; what they say means nothing."""
    learned = propensity.features(event_types, load_config(settings()).events.visit_names)
    features = tuple(column.name for column in learned)
    layout = Layout(features, tuple(planted.campaign_ids), tuple(planted.categories))
    rows = pq.read_table(path).slice(0, FITTED_ROWS)
    matrix = to_matrix(rows, layout)
    recent = rows[propensity.RECENCY_FEATURE].to_numpy()
    label = np.random.default_rng(1).random(len(recent)) < 1 / (1 + np.exp(4 - recent / 2))
    train = xgboost.QuantileDMatrix(
        matrix, label, feature_types=layout.feature_types, enable_categorical=True
    )
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": DEPTH}, train, ROUNDS)
    content = Trees(booster).save()
    manifest = Manifest(
        family="xgboost", experiment="bench", parameters={}, features=features,
        definitions={column.name: column.definition for column in learned},
        campaigns=layout.campaigns, categories=layout.categories, seed=1, device="cpu",
        trained_through=DAY, examples_snapshot_id=None, snapshot_dates={}, code_version="bench",
        image_digest="", model_file=MODEL_FILE, model_sha256=hashlib.sha256(content).hexdigest(),
    )  # fmt: skip
    folder: Path = HOME / "model"
    folder.mkdir()
    (folder / MODEL_FILE).write_bytes(content)
    (folder / MANIFEST_FILE).write_text(manifest.model_dump_json())
    return folder.as_uri()
