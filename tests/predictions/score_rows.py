"""Days of made-up scores to publish, and ways to look at what came of it."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import text

from include.database.address import Role, database_url
from include.database.engine import engine
from include.predictions.checks import LOADED_SCHEMA
from include.predictions.publish import Published, Scores, publish
from include.settings import Settings

DAY = date(2026, 3, 10)
CAMPAIGNS = ("cars", "coffee")


def scores(
    day: date = DAY,
    users: int = 50,
    version: str = "1",
    shift: float = 0.0,
    campaigns: tuple[str, ...] = CAMPAIGNS,
    control: int = 0,
    **changes: Any,
) -> Scores:
    """A day of scores: user 0 is the worst everywhere.

    Args:
        day: The day.
        users: Users 0 to `users` - 1.
        version: Of the model.
        shift: Added to every score.
        campaigns: Of each, every user has a row.
        control: Every so many-th user is in control; 0: nobody is.
        changes: Other fields of `Scores`.
    """
    user = np.arange(users, dtype=np.int64)
    arm = (
        np.where(user % control == 0, "control", "treatment") if control else ["treatment"] * users
    )

    def batches() -> Iterator[pa.RecordBatch]:
        for campaign in campaigns:
            columns = [
                pa.array([day] * users, pa.date32()),
                pa.array([campaign] * users),
                pa.array(user),
                pa.array((user + 1) / (users + 1) * 0.9 + shift),
                pa.array((users - user).astype(np.int32)),
                pa.array(tenths(users)[users - user - 1]),
                pa.array(arm),
                pa.array([version] * users),
            ]
            batch = pa.RecordBatch.from_arrays(columns, schema=LOADED_SCHEMA)
            yield batch.slice(0, users // 3)
            yield batch.slice(users // 3)

    fields = {
        "score_date": day, "batches": batches, "users": users,
        "holdout_shares": dict.fromkeys(campaigns, 1 / control if control else 0.0),
        "model_version": version, "model_policy": "as_of", "lake_snapshots": {"s": 1},
        "run_id": "test",
    }  # fmt: skip
    return Scores(**(fields | changes))


def tenths(users: int) -> "np.ndarray[Any, np.dtype[np.int32]]":
    """Deciles by rank: of tenths that can't be equal, the first are larger, as ntile has it."""
    sizes = [users // 10 + (number < users % 10) for number in range(10)]
    return np.repeat(np.arange(1, 11, dtype=np.int32), sizes)


def go(place: Settings, what: Scores) -> Published:
    """Publish."""
    return publish(engine(place), database_url(place, "warehouse"), what)


def query(
    place: Settings, sql: str, role: Role = "pipeline", **values: Any
) -> list[tuple[Any, ...]]:
    """Rows of a query, as a role, in a transaction that is committed."""
    with engine(place, role).begin() as connection:
        result = connection.execute(text(sql), values)
        return [tuple(row) for row in result] if result.returns_rows else []


STATUS = "select publication_id, status from predictions.publications order by 1"
VISIBLE = (
    "select score_date, count(*), min(model_version), max(model_version) "
    "from predictions.campaign_propensity group by 1 order by 1"
)
TABLES = (
    "select relname from pg_class where relnamespace = 'predictions'::regnamespace "
    "and relkind = 'r' and relname ~ '^(publication|loading)_[0-9]+$' order by relname"
)
