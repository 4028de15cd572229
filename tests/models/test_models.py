"""Both families: better than a constant, the same after saving, the same again with one seed."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from include.config import Reading
from include.contracts import Column
from include.contracts.model import Type
from include.errors import ConfigError, NoModelError
from include.models.examples import Split, summarise
from include.models.fitting.compute import Compute
from include.models.judging import baselines
from include.models.judging.evaluate import ALL, evaluate
from include.models.judging.judged import judge_rows
from include.models.manifest import Manifest
from include.models.matrix import Layout, to_matrix
from include.models.prediction import SavedModel, family, read_model
from tests.models.example_files import CAMPAIGNS, CATEGORIES, FEATURES, split

FAMILIES = ["xgboost", "torch"]
PARAMETERS: dict[str, dict[str, object]] = {
    "xgboost": {"max_depth": 3, "rounds": 30, "min_child_weight": 1.0},
    "torch": {"hidden": 16, "layers": 1, "embedding": 2, "epochs": 3, "batch_size": 256,
              "learning_rate": 0.02},
}  # fmt: skip
LAYOUT = Layout(FEATURES, CAMPAIGNS, CATEGORIES)
Fit = Callable[..., Any]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Split:
    return split(tmp_path_factory.mktemp("examples"), train_files=4)


@pytest.fixture(scope="module")
def fit(examples: Split) -> Fit:
    def fitted(name: str, seed: int = 7, threads: int = 2, **reading: int) -> Any:
        kind, _ = family(name)
        compute = Compute("cpu", threads)
        chosen = Reading(batch_rows=1_000, **reading)
        return kind.fit(examples, LAYOUT, PARAMETERS[name], seed, compute, chosen)

    return fitted


def test_a_summary_knows_what_there_is_to_fit_on(examples: Split) -> None:
    found = summarise(examples.train)
    assert found.layout(FEATURES) == LAYOUT
    whole = pa.Table.from_batches(examples.train.columns(["campaign_id", "label", "weight"]))
    coffee = [i for i, name in enumerate(whole["campaign_id"].to_pylist()) if name == "coffee"]
    assert found.weight["coffee"] == len(coffee)
    assert found.positive["coffee"] == sum(whole["label"].to_pylist()[i] for i in coffee)
    assert found.recency[:, 1].sum() == len(examples.train) == 4_000
    assert found.recency[:, 2].sum() == sum(found.positive.values())


@pytest.mark.parametrize("name", FAMILIES)
def test_beats_the_constant_out_of_time(fit: Fit, examples: Split, name: str) -> None:
    model = fit(name)
    judged, _ = judge_rows(
        examples.test, 10_000, {"mine": lambda rows: model.predict(to_matrix(rows, LAYOUT), 1)}
    )
    constant = baselines.constant(summarise(examples.train), judged.campaign)
    mine, theirs = (
        evaluate(probability, judged.label, judged.weight, judged.campaign)[ALL]
        for probability in (judged.probability["mine"], constant)
    )
    assert mine.log_loss < theirs.log_loss - 0.03
    assert (mine.roc_auc or 0) > (theirs.roc_auc or 0) + 0.1


@pytest.mark.parametrize("name", FAMILIES)
def test_same_seed_same_bytes_with_several_threads(fit: Fit, name: str) -> None:
    assert fit(name).save() == fit(name).save()


def test_another_seed_gives_another_network(fit: Fit) -> None:
    assert fit("torch", seed=8).save() != fit("torch", seed=7).save()


@pytest.mark.parametrize(
    ("name", "bounds"),
    [("xgboost", {"in_memory_rows": 0}), ("torch", {"shuffle_rows": 500})],
)
def test_bounded_memory_gives_as_good_a_model(
    fit: Fit, examples: Split, name: str, bounds: dict[str, int]
) -> None:
    def loss(model: Any) -> float:
        judged, _ = judge_rows(
            examples.test, 10_000, {"m": lambda rows: model.predict(to_matrix(rows, LAYOUT), 1)}
        )
        found = evaluate(judged.probability["m"], judged.label, judged.weight, judged.campaign)
        return found[ALL].log_loss

    assert loss(fit(name, **bounds)) == pytest.approx(loss(fit(name)), abs=0.01)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_new_campaign_and_any_order_of_rows_are_fine(
    fit: Fit, examples: Split, name: str
) -> None:
    model = fit(name)
    matrix = next(iter(examples.test.batches(LAYOUT))).matrix
    matrix[:, -1] = np.nan
    unseen = model.predict(matrix, 1)
    assert np.isfinite(unseen).all()
    assert ((unseen > 0) & (unseen < 1)).all()
    backwards = model.predict(np.ascontiguousarray(matrix[::-1]), 1)
    np.testing.assert_allclose(backwards[::-1], unseen, rtol=1e-6)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_score_does_not_depend_on_who_is_scored_with_it(
    fit: Fit, examples: Split, name: str, threads: int
) -> None:
    model = fit(name)
    matrix = np.concatenate([batch.matrix for batch in examples.test.batches(LAYOUT)])
    together = model.predict(matrix, 1)
    alone = [model.predict(matrix[row : row + 1], threads)[0] for row in range(50)]
    # To the last bit: `make explain` computes one again.
    np.testing.assert_array_equal(alone, together[:50])
    some = np.random.default_rng(1).permutation(len(matrix))[: len(matrix) // 3]
    np.testing.assert_array_equal(model.predict(matrix[some], threads), together[some])


def test_a_network_too_narrow_to_be_computed_again_is_refused(examples: Split) -> None:
    kind, _ = family("torch")
    with pytest.raises(ConfigError, match="hidden must be at least 16, got 15: "):
        kind.fit(examples, LAYOUT, {"hidden": 15}, 1, Compute("cpu", 1), Reading())


@pytest.mark.parametrize("name", FAMILIES)
def test_a_new_campaign_of_a_known_category_starts_from_its_category(
    fit: Fit, examples: Split, name: str
) -> None:
    model = fit(name)
    matrix = next(iter(examples.test.batches(LAYOUT))).matrix
    matrix[:, -1] = np.nan
    means = []
    for code in range(2):
        matrix[:, -2] = code
        means.append(model.predict(matrix, 1).mean())
    assert means[CATEGORIES.index("DRINKS")] > means[CATEGORIES.index("VEHICLES")] + 0.01


@pytest.mark.parametrize("name", FAMILIES)
def test_unknown_parameters_are_named(examples: Split, name: str) -> None:
    kind, _ = family(name)
    rest = (1, Compute("cpu", 1), Reading())
    with pytest.raises(ConfigError, match="num_rounds is no parameter of this family; there are"):
        kind.fit(examples, LAYOUT, {"num_rounds": 3}, *rest)
    wrong = {"dropout": "much"} if name == "torch" else {"max_depth": 2.5}
    with pytest.raises(ConfigError, match="dropout|max_depth"):
        kind.fit(examples, LAYOUT, wrong, *rest)


def saved(fit: Fit, name: str, folder: Path) -> SavedModel:
    content = fit(name).save()
    _, file = family(name)
    manifest = Manifest(
        family=name, experiment="test", parameters={}, features=FEATURES, campaigns=CAMPAIGNS,
        categories=CATEGORIES, seed=7, device="cpu", trained_through=date(2026, 1, 25),
        examples_snapshot_id=1, snapshot_dates={}, code_version="x", image_digest="",
        model_file=file, model_sha256=hashlib.sha256(content).hexdigest(),
    )  # type: ignore[arg-type]  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / file).write_bytes(content)
    (folder / "manifest.json").write_text(manifest.model_dump_json(), encoding="utf-8")
    return SavedModel(manifest, content)


ROWS = pa.table(
    {FEATURES[0]: [0.0, 3.0, None], "noise": [0.5, 0.5, 0.5], "maybe": [None, 0.1, 0.2],
     "campaign_id": ["coffee", "cars", "rockets"], "category": ["DRINKS", "VEHICLES", "DRINKS"]}
)  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_a_fresh_process_gives_the_same_scores(fit: Fit, name: str, tmp_path: Path) -> None:
    mine = saved(fit, name, tmp_path).load().predict(ROWS)
    probe = (
        "import sys, pyarrow as pa\n"
        "from include.models.prediction import read_model\n"
        f"rows = pa.Table.from_pylist({ROWS.to_pylist()!r})\n"
        "print(*[repr(float(x)) for x in read_model(sys.argv[1]).load().predict(rows)])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", probe, f"file://{tmp_path}"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert [float(word) for word in ended.stdout.split()] == list(mine)


def test_a_changed_file_is_refused(fit: Fit, tmp_path: Path) -> None:
    saved(fit, "xgboost", tmp_path)
    file = tmp_path / "model.ubj"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(NoModelError, match="is not the file that was saved: its SHA-256 is"):
        read_model(f"file://{tmp_path}")


def test_a_model_of_another_version_of_the_code_is_refused(fit: Fit, tmp_path: Path) -> None:
    saved(fit, "xgboost", tmp_path)
    manifest = tmp_path / "manifest.json"
    old = manifest.read_text(encoding="utf-8").replace('"categories"', '"kinds"')
    manifest.write_text(old, encoding="utf-8")
    with pytest.raises(NoModelError, match="another version of the code: .* in categories, kinds"):
        read_model(f"file://{tmp_path}")


def column(name: str, version: int = 1, kind: Type = "double") -> Column:
    return Column(name=name, type=kind, version=version, description="x")


def test_a_new_feature_and_another_order_end_no_models_work(fit: Fit, tmp_path: Path) -> None:
    model = saved(fit, "xgboost", tmp_path)
    columns = [column(name) for name in FEATURES]
    for there in (columns, columns[::-1], [column("price"), *columns, column("age", 3)]):
        model.require_features(there, "features.*")
    more = ROWS.append_column("price", pa.array([1.0, 2.0, None]))
    there = more.select(more.column_names[::-1])
    np.testing.assert_array_equal(model.load().predict(there), model.load().predict(ROWS))


def test_a_feature_that_is_gone_or_another_one_is_refused(fit: Fit, tmp_path: Path) -> None:
    model = saved(fit, "xgboost", tmp_path)
    first, second, third = FEATURES
    with pytest.raises(NoModelError) as error:
        model.require_features([column(first, 2), column(second, kind="long")], "features.*")
    assert str(error.value) == (
        f"model test, trained through 2026-01-25, doesn't fit features.*: it needs {third} and it "
        f"learned another {first} (double, version 1 when it learned, double, version 2 now), "
        f"{second} (double, version 1 when it learned, long, version 1 now). Bring these features "
        "back, pin a version that fits, or train a model on the present features"
    )


def test_the_matrix_has_nan_for_null_and_for_an_unknown_campaign() -> None:
    matrix = to_matrix(ROWS, LAYOUT)
    expected = [[0.0, 0.5, np.nan, 0, 1], [3.0, 0.5, 0.1, 1, 0], [np.nan, 0.5, 0.2, 0, np.nan]]
    np.testing.assert_array_equal(matrix, np.array(expected, dtype=np.float32))


def test_the_recency_baseline_keeps_the_order_of_its_number(examples: Split) -> None:
    _, recency = judge_rows(examples.test, 10_000, {})
    probability = baselines.recency(summarise(examples.train), recency)
    assert (np.diff(probability[np.argsort(recency)]) >= 0).all()
    assert ((probability >= 0) & (probability <= 1)).all()
