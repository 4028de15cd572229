"""How much streaming costs: our fit beside the bare library on the same rows and parameters.

    bin/python -m tests.bench.training [ROWS [DEVICE]] [--repeat 1]

Makes ROWS examples up (default 1,000,000), then fits both families and their bare counterparts, in
turns: xgboost on one matrix in memory, and the same network in a plain loop over tensors in memory.
Both read the same Parquet files once. Prints rows per second and the ratios of the times, which it
adds to `.local/bench.json`.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import xgboost
from torch import nn

from include.config import Reading, load_config
from include.contracts import lake_tables, propensity
from include.lake.tables import DataFile, Lake
from include.models.examples import Examples, Split, feature_names, summarise
from include.models.fitting.compute import Compute, available_threads
from include.models.fitting.network import Network, Parameters, inputs
from include.models.fitting.network_model import Net
from include.models.fitting.xgb import Trees
from include.models.matrix import to_matrix
from include.settings import load_settings
from tests.bench.harness import Comparison, Outcome, Side, Stage, measure
from tests.bench.report import save, table

PLACE = load_settings({})
CONFIG = load_config(PLACE)
CONTRACT = lake_tables(CONFIG.events.names)["training.examples"]
ROUNDS, EPOCHS, BATCH = 30, 1, 8192
TREES: dict[str, object] = {"max_depth": 6, "rounds": ROUNDS, "early_stopping_rounds": ROUNDS}
NET: dict[str, object] = {"hidden": 128, "layers": 2, "epochs": EPOCHS, "batch_size": BATCH}


def examples(folder: Path, seed: int, rows: int, files: int) -> Examples:
    rng = np.random.default_rng(seed)
    campaigns = CONFIG.active_campaigns
    made = []
    for number in range(files):
        count = rows // files
        code = rng.integers(0, len(campaigns), count)
        columns = {c.name: rng.integers(0, 50, count) / 2 for c in CONTRACT.columns}
        recent = columns[propensity.RECENCY_FEATURE] / 5
        columns |= {
            "campaign_id": np.array([c.campaign_id for c in campaigns])[code],
            "category": np.array([c.category for c in campaigns])[code],
            "user_id": np.arange(count),
            "label": (rng.random(count) < 1 / (1 + np.exp(3 - recent))).astype(np.int32),
            "weight": np.ones(count),
            "snapshot_date": pa.array([date(2026, 1, 4)] * count),
        }
        path = folder / f"{seed}-{number}.parquet"
        pq.write_table(pa.table(columns, schema=CONTRACT.arrow_schema()), path, compression="zstd")
        made.append(DataFile(f"file://{path}", count, date(2026, 1, 4)))
    return Examples(Lake(PLACE), CONTRACT, tuple(made), (date(2026, 1, 4),), 65_536)


def timed(what: str, rows: int, work: Callable[[], object]) -> Outcome:
    started = time.monotonic()
    work()
    seconds = time.monotonic() - started
    print(f"  {what:<28} {seconds:7.1f} s  {rows / seconds:12,.0f} rows/s", flush=True)
    return Outcome(duration_s=seconds)


def main(rows: int, device: str, repeat: int) -> None:
    compute = Compute(device, available_threads())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        split = Split(examples(folder, 1, rows, 8), examples(folder, 2, rows // 20, 1),
                      examples(folder, 3, 1_000, 1))  # fmt: skip
        layout = summarise(split.train).layout(feature_names(CONTRACT))
        reading = Reading(in_memory_rows=rows, shuffle_rows=rows)

        def whole(part: Examples) -> tuple[np.ndarray, np.ndarray]:
            table = pq.read_table([file.uri.removeprefix("file://") for file in part.files])
            return to_matrix(table, layout), table["label"].to_numpy().astype(np.float32)

        def bare_trees() -> None:
            options = {"feature_types": layout.feature_types, "enable_categorical": True}
            train = xgboost.QuantileDMatrix(*whole(split.train), **options)
            valid = xgboost.QuantileDMatrix(*whole(split.valid), ref=train, **options)
            parameters = {"objective": "binary:logistic", "tree_method": "hist", "device": device,
                          "max_depth": 6, "learning_rate": 0.1, "min_child_weight": 20,
                          "nthread": compute.threads}  # fmt: skip
            xgboost.train(parameters, train, ROUNDS, evals=[(valid, "valid")], verbose_eval=False)

        def bare_net() -> None:
            torch.set_num_threads(compute.threads)
            matrix, label = (torch.from_numpy(array) for array in whole(split.train))
            numbers, codes = inputs(matrix.to(device))
            label = label.to(device)
            scaled = (numbers - numbers.mean(0)) / numbers.std(0).clamp(min=1e-3)
            network = Network(numbers.shape[1], len(layout.campaigns), len(layout.categories),
                              Parameters(hidden=128, layers=2)).to(device)  # fmt: skip
            optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
            for picked in torch.randperm(len(label)).split(BATCH):
                optimizer.zero_grad(set_to_none=True)
                logits = network(scaled[picked], codes[picked])
                nn.functional.binary_cross_entropy_with_logits(logits, label[picked]).backward()
                optimizer.step()

        found: list[Comparison] = []
        print(
            f"{rows:,} rows, {len(layout.features)} features, {device}, {compute.threads} threads"
        )
        for family, kind, parameters, bare in (
            ("xgboost", Trees, TREES, bare_trees), ("torch", Net, NET, bare_net),
        ):  # fmt: skip
            given = (split, layout, parameters, 1, compute, reading)
            stage = Stage(
                f"training_{family}",
                Side("ours", partial(timed, f"our {family}", rows, partial(kind.fit, *given))),
                (Side("bare_library", partial(timed, f"bare {family}", rows, bare)),),
            )
            # Models aren't compared: order and binning of rows differ, and so do they, a little.
            found += measure(stage, repeat)
    save(found)
    print(table(found), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=int, nargs="?", default=1_000_000)
    parser.add_argument("device", nargs="?", default="cpu")
    parser.add_argument("--repeat", type=int, default=1)
    asked = parser.parse_args()
    main(asked.rows, asked.device, asked.repeat)
