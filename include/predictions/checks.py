"""What must be true of a loaded table before anybody sees it."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pyarrow as pa
from adbc_driver_postgresql import dbapi
from scipy.stats import chisquare
from sqlalchemy import Connection, Row, text

from include.lake.checksum import rows_checksum
from include.predictions.loading import LOADED_SCHEMA, SCORE_COLUMNS
from include.predictions.publications import table_name
from include.predictions.ranks import Ranks

log = logging.getLogger(__name__)

MIN_ARM_P_VALUE = 1e-6
"""Arms follow from a hash, so a fair split fails this once in a million campaigns and keys."""


def problems(
    connection: Connection,
    uri: str,
    publication_id: int,
    *,
    day: date,
    model_version: str,
    users: int,
    erased_users: int,
    holdout_shares: Mapping[str, float],
    row_count: int,
    checksum: str,
) -> list[str]:
    """Compare what was loaded with what was to arrive; an empty list is a pass.

    Args:
        connection: The warehouse.
        uri: The same, for ADBC.
        publication_id: The attempt.
        day: The day of every row.
        model_version: The model of every row.
        users: Users with a row per campaign.
        erased_users: How many more were scored and then left out: their ranks are missing.
        holdout_shares: Each campaign's share of control, 0-1.
        row_count: Rows in the lake, but theirs.
        checksum: Their checksum.
    """
    name = table_name(publication_id)
    # Beside each other: the server counts while rows are summed up and put in order here.
    with ThreadPoolExecutor(1) as beside:
        reading = beside.submit(read_back, uri, publication_id, erased_users)
        groups, found_users = _groups(connection, name, day), _count_users(connection, name)
        seen, misranked = reading.result()
    rows = sum(group.rows for group in groups)
    expected = users * len(holdout_shares)
    wrong = []
    if not rows == row_count == expected:
        wrong.append(
            f"{rows} rows were loaded, {row_count} scored, and {users} users × "
            f"{len(holdout_shares)} campaigns make {expected}"
        )
    if found_users != users:
        wrong.append(f"{found_users} users have scores, {users} are known")
    # Sorted here: the server sorts by its own language.
    if (campaigns := sorted({group.campaign_id for group in groups})) != sorted(holdout_shares):
        wrong.append(f"campaigns are {campaigns}, not {sorted(holdout_shares)}")
    for column, problem in _EVERY_ROW.items():
        # Of a table without a row, nothing is true.
        if not (groups and all(getattr(group, column) for group in groups)):
            wrong.append(problem)
    if (versions := sorted({group.model_version for group in groups}, key=str)) != [model_version]:
        wrong.append(f"rows are of model {versions or None}, not {model_version}")
    wrong += misranked
    wrong += _unbalanced(groups, holdout_shares)
    if seen != checksum:
        wrong.append(f"the loaded rows' checksum is {seen}, the lake's {checksum}")
    return wrong


_EVERY_ROW = {
    "in_range": "there are scores outside 0-1",
    "of_the_day": "there are rows of another day",
    "arms_known": "there are arms other than treatment and control",
}


def _groups(connection: Connection, name: str, day: date) -> Sequence[Row[Any]]:
    """What is true of the rows of each campaign and model."""
    return connection.execute(
        text(
            "select campaign_id, model_version, count(*) as rows, "  # noqa: S608
            "count(*) filter (where arm = 'control') as control, "
            "bool_and(score between 0 and 1) as in_range, "
            "bool_and(score_date = :day) as of_the_day, "
            "bool_and(arm in ('treatment', 'control')) as arms_known "
            f"from {name} group by campaign_id, model_version"
        ),
        {"day": day},
    ).all()


def _count_users(connection: Connection, name: str) -> int:
    # Not count(distinct ...), which sorts all rows.
    query = f"select count(user_id) from (select distinct user_id from {name}) as u"  # noqa: S608
    return int(connection.execute(text(query)).scalar_one())


def _unbalanced(groups: Sequence[Row[Any]], holdout_shares: Mapping[str, float]) -> list[str]:
    """Campaigns whose holdout is too large or small to be chance (sample ratio mismatch)."""
    wrong = []
    for campaign in sorted({group.campaign_id for group in groups}):
        mine = [group for group in groups if group.campaign_id == campaign]
        control, users = sum(group.control for group in mine), sum(group.rows for group in mine)
        share = holdout_shares.get(campaign)
        if share is None:
            continue  # named among the wrong campaigns already
        if share == 0:
            if control:
                wrong.append(f"{campaign} has {control} control users where none are wanted")
            continue
        expected = [users * share, users * (1 - share)]
        p_value = float(chisquare([control, users - control], expected).pvalue)
        if p_value < MIN_ARM_P_VALUE:
            wrong.append(
                f"{campaign} has {control} control users of {users}, where its holdout_share of "
                f"{share} makes {expected[0]:.0f} (chi-square, p = {p_value:.1g})"
            )
    return wrong


def read_back(uri: str, publication_id: int, erased_users: int) -> tuple[str, list[str]]:
    """Read the loaded rows once: their checksum, and what is wrong with their ranks."""
    ranks = Ranks(erased_users)

    def passing() -> Iterator[pa.RecordBatch]:
        for batch in _rows(uri, publication_id):
            ranks.add(batch)
            yield batch

    return rows_checksum(passing()), ranks.problems()


def loaded_checksum(uri: str, publication_id: int) -> str:
    """Checksum of a publication's rows, as `rows_checksum` of the lake's makes it."""
    return rows_checksum(_rows(uri, publication_id))


def _rows(uri: str, publication_id: int) -> Iterator[pa.RecordBatch]:
    names = ", ".join(SCORE_COLUMNS)
    with dbapi.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute(f"select {names} from {table_name(publication_id)}")  # noqa: S608
        for batch in cursor.fetch_record_batch():
            yield batch.cast(LOADED_SCHEMA)
