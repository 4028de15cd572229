"""The rows that models are judged on: the same for every experiment, champion and baseline."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from include.contracts.propensity import RECENCY_FEATURE
from include.models.examples import Examples, feature_names

JUDGED_FILE = "judged.parquet"
FROM_EXAMPLES = ("user_id", "campaign_id", "label", "weight")
KEPT = ("user", "campaign_id", "label", "weight")
"""`user` only tells users apart. The file stays beside the model for good, so it must not say who
they are: nobody could take a person who asks to be erased out of it."""


@dataclass(frozen=True)
class Judged:
    """Rows to judge on, with the probabilities that somebody gave them."""

    rows: pa.Table
    """The columns `KEPT`."""
    probability: dict[str, NDArray[np.float64]]
    """By name of who gave it; one entry a row."""

    @cached_property
    def user(self) -> NDArray[np.int64]:
        """Numbers of users from 0 in the order of their first rows, one entry a row."""
        return np.asarray(self.rows.column("user").to_numpy())

    @cached_property
    def campaign(self) -> NDArray[np.object_]:
        """Campaigns, one entry a row."""
        return np.array(self.rows.column("campaign_id").to_pylist(), dtype=object)

    @cached_property
    def label(self) -> NDArray[np.float32]:
        """0 or 1, one entry a row."""
        return np.asarray(self.rows.column("label").to_numpy().astype(np.float32))

    @cached_property
    def weight(self) -> NDArray[np.float32]:
        """How many rows each stands for."""
        return np.asarray(self.rows.column("weight").to_numpy().astype(np.float32))

    def to_parquet(self) -> bytes:
        """Rows and probabilities as a Parquet file."""
        table = self.rows
        for name, values in self.probability.items():
            table = table.append_column(name, pa.array(values))
        sink = BytesIO()
        pq.write_table(table, sink, compression="zstd")
        return sink.getvalue()

    @classmethod
    def from_parquet(cls, content: bytes) -> "Judged":
        """What `to_parquet` gave."""
        table = pq.read_table(BytesIO(content))
        names = [name for name in table.column_names if name not in KEPT]
        return cls(table.select(KEPT), {n: table.column(n).to_numpy() for n in names})


def rows_to_judge(test: Examples, max_rows: int) -> Iterator[pa.RecordBatch]:
    """The test rows: all of them, or those of a fixed share of the users.

    Which users are in depends on their ids alone, so everybody is judged on the same rows.

    Args:
        test: Examples of the newest snapshot date.
        max_rows: About how many rows at most; bounds memory and the time that intervals take.
    """
    share = min(1.0, max_rows / max(1, len(test)))
    names = [*FROM_EXAMPLES, "category", *feature_names(test.contract)]
    for batch in test.columns(names):
        chosen = batch
        if share < 1.0:
            chosen = batch.filter(pa.array(_hashed(batch.column("user_id").to_numpy()) < share))
        if chosen.num_rows:
            yield chosen


def judge_rows(
    test: Examples,
    max_rows: int,
    predict: dict[str, Callable[[pa.RecordBatch], NDArray[np.float64]]],
) -> tuple[Judged, NDArray[np.float64]]:
    """Let each of `predict` give probabilities; also returns the recency feature of the rows."""
    kept: list[pa.RecordBatch] = []
    recency: list[NDArray[np.float64]] = []
    given: dict[str, list[NDArray[np.float64]]] = {name: [] for name in predict}
    for batch in rows_to_judge(test, max_rows):
        kept.append(batch.select(FROM_EXAMPLES))
        recency.append(batch.column(RECENCY_FEATURE).to_numpy())
        for name, one in predict.items():
            given[name].append(one(batch))
    found = pa.Table.from_batches(kept)
    numbers = found.column("user_id").combine_chunks().dictionary_encode().indices
    rows = found.set_column(0, "user", numbers.cast(pa.int64()))
    joined = {name: np.concatenate(parts) for name, parts in given.items()}
    return Judged(rows, joined), np.concatenate(recency)


def _hashed(user: NDArray[np.int64]) -> NDArray[np.float64]:
    """A number in [0, 1) for each user, by splitmix64."""
    with np.errstate(over="ignore"):
        mixed = user.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)
