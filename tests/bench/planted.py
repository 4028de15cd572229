"""Features as a lake holds them, planted: what examples and scores are made from.

Each user has rows of three of ten of the campaigns' categories and of four others, so that most
rows of `features.user_category` are of no campaign, as in a market. Values are whole numbers that
follow from user, category and column.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import yaml

from include.config import load_config
from include.contracts import Column
from include.contracts.visits import (
    CAMPAIGN_CATEGORY,
    DEFINITION,
    USER_CATEGORY_VISITS,
    USER_VISITS,
    definition,
)
from include.lake.commit import commit
from include.lake.staging import DAY_FOLDER, day_of
from include.lake.tables import Lake
from include.models.snapshot_dates import matured_snapshot_dates
from include.settings import settings
from tests.bench.digests import SQL_TYPES
from tests.bench.jobs import contract
from tests.bench.market import DAY
from tests.bench.place import HOME

ARRIVED = date(2026, 1, 1)
OTHERS = 4
FILES = 4
USERS, USER, PAIRS, DAILY = (
    "core.users", "features.user", "features.user_category", "features.user_category_daily",
)  # fmt: skip
VISITS, PAIR_VISITS, CATEGORIES = (
    USER_VISITS.name, USER_CATEGORY_VISITS.name, CAMPAIGN_CATEGORY.name,
)  # fmt: skip


@dataclass(frozen=True)
class Planted:
    """Users, campaigns, and the days that features are of."""

    users: int
    campaigns: int
    days: tuple[date, ...]
    has_reactions: bool = False
    """Whether there is activity in the week after each day."""

    @property
    def campaigns_path(self) -> Path:
        """The campaigns' file."""
        return HOME / f"campaigns-{self.campaigns}.yaml"

    @property
    def campaign_ids(self) -> list[str]:
        """Of all campaigns."""
        return [f"campaign_{number:03d}" for number in range(self.campaigns)]

    @property
    def categories(self) -> list[str]:
        """One a campaign."""
        return [f"category-{number:04d}" for number in range(self.campaigns)]

    def plant(self) -> dict[str, tuple[str, ...]]:
        """Write and commit the tables; returns the URIs of each one's files."""
        self.campaigns_path.write_text(yaml.safe_dump({"campaigns": self._campaigns()}))
        others = [f"other-{number:03d}" for number in range(200)]
        days = ", ".join(f"date '{day}'" for day in self.days)
        with duckdb.connect() as database:
            database.execute(f"""
set TimeZone = 'UTC';
create view days as select unnest([{days}]) as feature_date;
create view users as select unnest(range({self.users})) as user_id;
create view wanted as
  select user_id, category from users, (select unnest({self.categories}) as category)
  where hash(user_id, category) % 10 < 3;
create view other as
  select user_id, unnest({others}[1 + hash(user_id) % 190 : {OTHERS} + hash(user_id) % 190])
    as category from users;
create view pairs as from wanted union all from other;
""")
            database.execute(f"create view topics as select unnest({self.categories}) as category")
            made = {
                USERS: self._write(database, USERS, "users", ARRIVED),
                USER: self._write(database, USER, "users cross join days"),
                PAIRS: self._write(database, PAIRS, "pairs cross join days"),
                VISITS: self._write(database, VISITS, "users cross join days"),
                PAIR_VISITS: self._write(database, PAIR_VISITS, "wanted cross join days"),
                CATEGORIES: self._write(database, CATEGORIES, "topics cross join days"),
            }
            if self.has_reactions:
                made[DAILY] = tuple(
                    file
                    for day in self.days
                    for file in self._write(
                        database, DAILY, "wanted where hash(user_id, category, 1) % 10 = 0",
                        day + timedelta(days=3),
                    )
                )  # fmt: skip
        for table, files in made.items():
            commit(Lake(settings()), contract(table), sorted({*map(day_of, files)}), files, {})
        return made

    def _campaigns(self) -> list[dict[str, object]]:
        kinds = list(load_config(settings()).events.names)
        return [
            {
                "campaign_id": campaign,
                "category": category,
                "positive_event_types": kinds[1:] if number % 2 else kinds[-1:],
                "horizon_days": 7,
                "holdout_share": 0.1,
            }
            for number, (campaign, category) in enumerate(
                zip(self.campaign_ids, self.categories, strict=True)
            )
        ]

    def _write(
        self, database: duckdb.DuckDBPyConnection, table: str, rows: str, day: date | None = None
    ) -> tuple[str, ...]:
        """Write a table's rows, those of a day to files of their own."""
        lake, made = Lake(settings()), contract(table)
        lake.create(made)
        uri = lake.stage_uri(made, f"planted-{day}")
        files = []
        for of in [day] if day else self.days:
            folder = Path(uri.removeprefix("file://")) / f"{DAY_FOLDER}={of}"
            folder.mkdir(parents=True)
            keys = [name for name in made.key if name in ("user_id", "category")]
            columns = ", ".join(f"{_value(c, of, keys)} as {c.name}" for c in made.columns)
            where = "" if day else f"where feature_date = date '{of}'"
            query = database.sql(f"select {columns} from (from {rows}) {where}")
            for number in range(FILES if "user_id" in keys else 1):
                path = folder / f"part-{number}.parquet"
                part = query.filter(f"user_id % {FILES} = {number}") if "user_id" in keys else query
                part.write_parquet(str(path), compression="zstd", row_group_size=122_880)
                files.append(f"{uri}/{DAY_FOLDER}={of}/{path.name}")
        return tuple(files)


def snapshot_dates(weeks: int) -> tuple[date, ...]:
    """The last snapshot dates that have matured by the benches' day."""
    config = load_config(settings())
    before = {DAY - timedelta(days=number) for number in range(7 * (weeks + 3))}
    dates = matured_snapshot_dates(
        DAY, config.experiments.is_snapshot_date, weeks + 2, config.horizon_days, before
    )
    return tuple(dates[-weeks:])


def _value(column: Column, day: date, keys: Sequence[str]) -> str:
    """SQL of a column's value."""
    if column.name in keys:
        return column.name
    if column == DEFINITION:
        return f"'{definition(load_config(settings()).events.visit_names)}'"
    if column.type == "date":
        return f"date '{day}'"
    if column.type == "timestamp":
        return "timestamptz '2025-01-01' + to_days((hash(user_id) % 300)::integer)"
    return f"(hash({', '.join(keys)}, '{column.name}') % 7)::{SQL_TYPES[column.type]}"
