"""Examples in Parquet files, as the lake would name them; made up, with a known effect."""

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from include.contracts import Column, Table
from include.contracts.propensity import CAMPAIGN_ID, CATEGORY, RECENCY_FEATURE
from include.lake.tables import DataFile, Lake
from include.models.examples import Examples, Split, feature_names
from include.settings import load_settings

FEATURES = (RECENCY_FEATURE, "noise", "maybe")
CAMPAIGNS, CATEGORIES = ("cars", "coffee"), ("DRINKS", "VEHICLES")
OF = {"cars": "VEHICLES", "coffee": "DRINKS"}
CONTRACT = Table(
    name="training.examples",
    grain="user × campaign × snapshot date",
    partition="snapshot_date",
    key=("user_id", "campaign_id"),
    columns=(
        Column(name="user_id", type="long", description="u"),
        CAMPAIGN_ID,
        CATEGORY,
        *(Column(name=name, type="double", description="f", nullable=True) for name in FEATURES),
        Column(name="label", type="int", description="l"),
        Column(name="weight", type="double", description="w"),
        Column(name="snapshot_date", type="date", description="s"),
    ),
)
assert feature_names(CONTRACT) == FEATURES


def rows(seed: int, count: int, day: int) -> pa.Table:
    """Reactions grow with the recency feature, and coffee is twice as popular as cars."""
    rng = np.random.default_rng(seed)
    recent = rng.gamma(1.0, 2.0, count)
    coffee = rng.integers(0, 2, count)
    chance = 1 / (1 + np.exp(2.5 - 0.8 * recent - 0.7 * coffee))
    campaign = [CAMPAIGNS[code] for code in coffee]
    return pa.table(
        {
            "user_id": np.arange(count) // 2,
            "campaign_id": campaign,
            "category": [OF[name] for name in campaign],
            RECENCY_FEATURE: recent,
            "noise": rng.random(count),
            "maybe": pa.array(rng.random(count), mask=rng.random(count) < 0.3),
            "label": (rng.random(count) < chance).astype(np.int32),
            "weight": np.ones(count),
            "snapshot_date": pa.array([date(2026, 1, day)] * count),
        },
        schema=CONTRACT.arrow_schema(),
    )


def part(folder: Path, seed: int, count: int, day: int, files: int = 1) -> Examples:
    """Examples of a snapshot date, in some files."""
    made, named = rows(seed, count, day), []
    size = -(-count // files)
    for number in range(files):
        path = folder / f"{day:02d}-{number}.parquet"
        piece = made.slice(number * size, size)
        pq.write_table(piece, path)
        named.append(DataFile(f"file://{path}", piece.num_rows, date(2026, 1, day)))
    return Examples(Lake(load_settings({})), CONTRACT, tuple(named), (date(2026, 1, day),), 1_000)


def split(folder: Path, train_files: int = 1, train_rows: int = 4_000) -> Split:
    folder.mkdir(parents=True, exist_ok=True)
    return Split(
        part(folder, 1, train_rows, 4, train_files), part(folder, 2, 1_000, 11),
        part(folder, 3, 1_000, 18),
    )  # fmt: skip
