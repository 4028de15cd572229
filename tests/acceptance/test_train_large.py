"""Fit on examples several times larger than the pod's memory limit, on the cluster of KUBECONFIG.

Makes examples up, lets each family fit on them in a pod with that limit, and prints the size of the
examples as Arrow, and what the pods said: time, rows per second, the most memory. Needs a cluster
on this machine and the image of `make training-image`. 9 million rows in pods of 1 GiB, unless the
environment says otherwise:

    LARGE_ROWS=1000000 LARGE_MEMORY=512Mi make test-acceptance SUITES=large
"""

import os
import time
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from kubernetes import config

from include.config import load_config
from include.config.kubernetes import Kubernetes
from include.contracts import lake_tables, propensity
from include.lake.commit import commit
from include.lake.tables import Lake
from include.models import tracking
from include.models.fitting.arguments import fit_arguments
from include.orchestration.pods import training_pod
from include.orchestration.training_pod_operator import TrainingPodOperator
from include.settings import Settings, settings
from tests.acceptance.commands import say
from tests.acceptance.on_cluster import pod_settings
from tests.predictions.own_warehouse import own_warehouse

pytestmark = pytest.mark.large

SUNDAYS = [date(2026, 3, 1) + timedelta(weeks=n) for n in range(6)]
EXPERIMENTS = {
    "snapshot_weekday": 6, "snapshot_weeks": 6, "negative_share": 1.0,
    "reading": {"batch_rows": 65_536, "in_memory_rows": 500_000, "shuffle_rows": 250_000,
                "judged_rows": 200_000},
    "promotion": {"min_auc_gain": 0.0, "max_calibration_error": 0.5, "min_finished_experiments": 1},
    "experiments": [
        {"name": "trees", "family": "xgboost", "cpu": "2",
         "parameters": {"max_depth": 6, "rounds": 10}},
        {"name": "net", "family": "torch", "cpu": "2",
         "parameters": {"hidden": 32, "layers": 1, "epochs": 1, "batch_size": 8192}},
    ],
}  # fmt: skip


def land(place: Settings, rows: int) -> tuple[int, int]:
    """Commit examples, file by file; returns the snapshot and their bytes as Arrow."""
    contract = lake_tables(load_config(place).events.names)["training.examples"]
    lake = Lake(place)
    lake.create(contract)
    campaigns = load_config(place).active_campaigns
    rng = np.random.default_rng(1)
    # Most are fitted on; the last two dates stop and judge.
    share = [rows // 4] * 4 + [rows // 50] * 2
    files, size = [], 0
    for day, count in zip(SUNDAYS, share, strict=True):
        code = rng.integers(0, len(campaigns), count)
        columns = {c.name: rng.integers(0, 50, count) / 2 for c in contract.columns}
        recent = columns[propensity.RECENCY_FEATURE] / 5
        columns |= {
            "user_id": np.arange(count) // len(campaigns),
            "campaign_id": np.array([c.campaign_id for c in campaigns])[code],
            "category": np.array([c.category for c in campaigns])[code],
            "label": (rng.random(count) < 1 / (1 + np.exp(3 - recent))).astype(np.int32),
            "weight": np.ones(count),
            "snapshot_date": pa.array([day] * count),
        }
        table = pa.table(columns, schema=contract.arrow_schema())
        size += table.nbytes
        uri = lake.stage_uri(contract, f"made-up-{day}") + f"/_day={day}/part.parquet"
        path = Path(uri.removeprefix("file://"))
        path.parent.mkdir(parents=True)
        pq.write_table(table, path, compression="zstd")
        files.append(uri)
        say(f"  {count:,} rows of {day}")
    snapshot = commit(lake, contract, SUNDAYS, files, {})
    assert snapshot is not None
    return snapshot, size


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Settings]:
    """A warehouse and a lake of their own, with experiments of two families."""
    with own_warehouse() as place, pytest.MonkeyPatch.context() as patch:
        path = place.home / "experiments.yaml"
        path.write_text(yaml.safe_dump(EXPERIMENTS), encoding="utf-8")
        patch.setenv("PROPENSITY_EXPERIMENTS", str(path))
        settings.cache_clear()
        tracking.connect(settings())
        (place.home / "mlflow").mkdir(exist_ok=True)
        yield settings()
    settings.cache_clear()


@pytest.fixture(scope="module")
def snapshot(warehouse: Settings) -> int:
    """The lake's snapshot with the examples."""
    rows = int(os.environ.get("LARGE_ROWS", "9_000_000"))
    made, size = land(warehouse, rows)
    say(f"examples: {rows:,} rows, {size / 2**30:.1f} GiB as Arrow")
    return made


@pytest.fixture(scope="module")
def pods(namespace: str, warehouse: Settings) -> Kubernetes:
    """How pods see all that."""
    config.load_kube_config(os.environ["KUBECONFIG"])
    seen = pod_settings(warehouse.home)
    seen["environment"]["PROPENSITY_EXPERIMENTS"] = str(warehouse.experiments)
    return Kubernetes.model_validate(seen)


@pytest.mark.parametrize("experiment", ["trees", "net"])
def test_a_fit_streams_what_its_memory_could_not_hold(
    experiment: str, snapshot: int, pods: Kubernetes
) -> None:
    memory = os.environ.get("LARGE_MEMORY", "1Gi")
    started = time.monotonic()
    fit(pods, experiment, memory, snapshot)
    say(f"{experiment} in {time.monotonic() - started:.0f} s, in a pod of {memory}")


def fit(kubernetes: Kubernetes, name: str, memory: str, snapshot: int) -> None:
    chosen = next(e for e in load_config(settings()).experiments.experiments if e.name == name)
    manifest = training_pod(
        chosen.model_copy(update={"memory": memory}), kubernetes,
        [*fit_arguments(name, snapshot, f"{SUNDAYS[-1]}", "large"), "--device", "cpu"], {},
    )  # fmt: skip
    operator = TrainingPodOperator(
        task_id="fit", kubernetes_conn_id=None, config_file=None, in_cluster=False,
        pod_template_dict=manifest, startup_check_interval_seconds=1,
    )  # fmt: skip
    ti = SimpleNamespace(dag_id="large", task_id="fit", run_id="large", try_number=1, map_index=0,
                         xcom_push=lambda **_: None)  # fmt: skip
    store = SimpleNamespace(get=lambda *_: None, set=lambda *_: None, delete=lambda *_: None)
    operator.execute({"ti": ti, "run_id": uuid.uuid4().hex, "dag": SimpleNamespace(),
                      "task_state_store": store})  # type: ignore[typeddict-item]  # fmt: skip
