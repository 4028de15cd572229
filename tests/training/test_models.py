"""Both families: better than a constant, the same after saving, the same again with one seed."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from include.errors import ConfigError, NoModelError
from include.training import baselines
from include.training.data import Part, Split
from include.training.evaluate import ALL, evaluate
from include.training.manifest import Manifest
from include.training.matrix import to_matrix
from include.training.prediction import SavedModel, family, read_model

FEATURES = ("recent", "noise", "maybe")
CAMPAIGNS = ("cars", "coffee")
PARAMETERS: dict[str, dict[str, object]] = {
    "xgboost": {"max_depth": 3, "rounds": 30, "min_child_weight": 1.0},
    "torch": {"hidden": 16, "layers": 1, "embedding": 2, "epochs": 3, "batch_size": 256,
              "learning_rate": 0.02},
}  # fmt: skip


def part(seed: int, rows: int, day: int) -> Part:
    """Reactions grow with `recent`, and coffee is twice as popular as cars."""
    rng = np.random.default_rng(seed)
    recent = rng.gamma(1.0, 2.0, rows)
    campaign = rng.integers(0, 2, rows)
    maybe = np.where(rng.random(rows) < 0.3, np.nan, rng.random(rows))
    chance = 1 / (1 + np.exp(2.5 - 0.8 * recent - 0.7 * campaign))
    matrix = np.column_stack([recent, rng.random(rows), maybe, campaign]).astype(np.float32)
    return Part(
        matrix=matrix,
        label=(rng.random(rows) < chance).astype(np.float32),
        weight=np.ones(rows, dtype=np.float32),
        campaign=np.array([CAMPAIGNS[code] for code in campaign], dtype=object),
        recency=recent,
        snapshots=(date(2026, 1, day),),
    )


SPLIT = Split(part(1, 4_000, 4), part(2, 1_000, 11), part(3, 1_000, 18), FEATURES, CAMPAIGNS)


def fit(name: str, seed: int = 7) -> object:
    kind, _ = family(name)
    return kind.fit(SPLIT, PARAMETERS[name], seed, "cpu", 1)


@pytest.mark.parametrize("name", ["xgboost", "torch"])
def test_beats_the_constant_out_of_time(name: str) -> None:
    test = SPLIT.test
    mine = evaluate(fit(name).predict(test.matrix, 1), test.label, test.weight, test.campaign)  # type: ignore[attr-defined]
    constant = evaluate(
        baselines.constant(SPLIT.train, test), test.label, test.weight, test.campaign
    )
    assert mine[ALL].log_loss < constant[ALL].log_loss - 0.03
    assert (mine[ALL].roc_auc or 0) > (constant[ALL].roc_auc or 0) + 0.1


@pytest.mark.parametrize("name", ["xgboost", "torch"])
def test_same_seed_same_bytes(name: str) -> None:
    assert fit(name).save() == fit(name).save()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["xgboost", "torch"])
def test_a_new_campaign_and_any_order_of_rows_are_fine(name: str) -> None:
    model = fit(name)
    matrix = SPLIT.test.matrix.copy()
    matrix[:, -1] = np.nan
    unseen = model.predict(matrix, 1)  # type: ignore[attr-defined]
    assert np.isfinite(unseen).all()
    assert ((unseen > 0) & (unseen < 1)).all()
    backwards = model.predict(np.ascontiguousarray(matrix[::-1]), 1)  # type: ignore[attr-defined]
    np.testing.assert_allclose(backwards[::-1], unseen, rtol=1e-6)


@pytest.mark.parametrize("name", ["xgboost", "torch"])
def test_unknown_parameters_are_named(name: str) -> None:
    kind, _ = family(name)
    with pytest.raises(ConfigError, match="num_rounds is no parameter of this family; there are"):
        kind.fit(SPLIT, {"num_rounds": 3}, 1, "cpu", 1)
    with pytest.raises(ConfigError, match="dropout|max_depth"):
        kind.fit(SPLIT, {"dropout": "much"} if name == "torch" else {"max_depth": 2.5}, 1, "cpu", 1)


def saved(name: str, folder: Path) -> SavedModel:
    import hashlib

    content = fit(name).save()  # type: ignore[attr-defined]
    _, file = family(name)
    manifest = Manifest(
        family=name, experiment="test", parameters={}, features=FEATURES, campaigns=CAMPAIGNS,
        seed=7, device="cpu", trained_through=date(2026, 1, 25), examples_snapshot_id=1,
        snapshot_dates={}, code_version="x", image_digest="", model_file=file,
        model_sha256=hashlib.sha256(content).hexdigest(),
    )  # type: ignore[arg-type]  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / file).write_bytes(content)
    (folder / "manifest.json").write_text(manifest.model_dump_json(), encoding="utf-8")
    return SavedModel(manifest, content)


ROWS = pa.table(
    {"recent": [0.0, 3.0, None], "noise": [0.5, 0.5, 0.5], "maybe": [None, 0.1, 0.2],
     "campaign_id": ["coffee", "cars", "rockets"]}
)  # fmt: skip


@pytest.mark.parametrize("name", ["xgboost", "torch"])
def test_a_fresh_process_gives_the_same_scores(name: str, tmp_path: Path) -> None:
    mine = saved(name, tmp_path).load().predict(ROWS)
    probe = (
        "import sys, pyarrow as pa\n"
        "from include.training.prediction import read_model\n"
        f"rows = pa.Table.from_pylist({ROWS.to_pylist()!r})\n"
        "print(*[repr(float(x)) for x in read_model(sys.argv[1]).load().predict(rows)])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", probe, f"file://{tmp_path}"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert [float(word) for word in ended.stdout.split()] == list(mine)


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    saved("xgboost", tmp_path)
    file = tmp_path / "model.ubj"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(NoModelError, match="is not the file that was saved: its SHA-256 is"):
        read_model(f"file://{tmp_path}")


def test_other_features_are_refused_with_the_difference(tmp_path: Path) -> None:
    model = saved("xgboost", tmp_path)
    model.require_features(FEATURES, "features.*")
    with pytest.raises(NoModelError, match=r"needs \['maybe'\], doesn't know \['price'\]"):
        model.require_features(("recent", "noise", "price"), "features.*")
    with pytest.raises(NoModelError, match="the order differs"):
        model.require_features(("noise", "recent", "maybe"), "features.*")


def test_the_matrix_has_nan_for_null_and_for_an_unknown_campaign() -> None:
    matrix = to_matrix(ROWS, FEATURES, CAMPAIGNS)
    expected = [[0.0, 0.5, np.nan, 1], [3.0, 0.5, 0.1, 0], [np.nan, 0.5, 0.2, np.nan]]
    np.testing.assert_array_equal(matrix, np.array(expected, dtype=np.float32))


def test_the_recency_baseline_keeps_the_order_of_its_number() -> None:
    probability = baselines.recency(SPLIT.train, SPLIT.test)
    order = np.argsort(SPLIT.test.recency)
    assert (np.diff(probability[order]) >= 0).all()
    assert ((probability >= 0) & (probability <= 1)).all()
