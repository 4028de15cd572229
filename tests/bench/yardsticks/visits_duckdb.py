"""Features of visits as of one day, in DuckDB: lists of ages where the project has bits."""

import duckdb

from include.contracts.visits import (
    ACTIVE_WINDOWS_DAYS,
    CAMPAIGN_CATEGORY,
    HALF_LIVES_DAYS,
    HORIZONS_DAYS,
    RING_DAYS,
    USER_CATEGORY_VISITS,
    USER_VISITS,
    VISIT_WINDOWS_DAYS,
    definition,
    half_life_name,
)
from tests.bench.yardsticks.events_duckdb import write
from tests.bench.yardsticks.pairs_duckdb import campaigns
from tests.bench.yardsticks.work import Work

UNIT = 1_000_000_000


def write_visits(database: duckdb.DuckDBPyConnection, asked: Work) -> None:
    """Write the tables of visits; there is a view `daily` of what had arrived."""
    categories = sorted({one["category"] for one in campaigns(asked)})
    day = f"date '{asked.day}'"
    happened = " or ".join(f"{kind}_count > 0" for kind in asked.event_types)

    def ages(keys: str, where: str) -> str:
        return f"""
select {keys}, list_sort(list(distinct ({day} - event_date)::bigint)) as ages from daily
where ({happened}) and ingest_date <= {day} and {day} - event_date between 0 and {RING_DAYS - 1}
  and {where} group by {keys}
"""

    database.execute(f"""
create temp table user_ages as {ages("user_id", "true")};
create temp table pair_ages as {ages("user_id, category", f"category in {(*categories, '')}")};
create temp table of_users as {_said("user_ages", "user_id", day)};
create temp table of_pairs as {_said("pair_ages", "user_id, category", day)};
""")
    write(database, asked, USER_VISITS.name, "from of_users")
    write(
        database,
        asked,
        USER_CATEGORY_VISITS.name,
        """
select of_pairs.*, len(list_filter(ages, lambda a: a < days_since_visit))::integer
  as user_visits_since_visit
from of_pairs join user_ages using (user_id)
""",
    )
    counted = ", ".join(
        f"count(*) filter (days_since_visit < {days}) as visitors_{days}d"
        for days in ACTIVE_WINDOWS_DAYS
    )
    names = ", ".join(
        f"coalesce(visitors_{days}d, 0) as visitors_{days}d" for days in ACTIVE_WINDOWS_DAYS
    )
    write(
        database,
        asked,
        CAMPAIGN_CATEGORY.name,
        f"""
select category, {names}, (select count(*) from of_users) as users,
  '{definition(asked.event_types)}' as definition, {day} as feature_date
from (select unnest({categories}) as category)
left join (select category, {counted} from of_pairs group by category) using (category)
""",
    )


def _said(table: str, keys: str, day: str) -> str:
    """The query: what ages say, of each row of a table."""
    columns = [
        "ages[1]::integer as days_since_visit",
        "ages[2]::integer as days_since_second_last_visit",
        "ages[3]::integer as days_since_third_last_visit",
        *(
            f"len(list_filter(ages, lambda a: a < {days}))::integer as visits_{days}d"
            for days in VISIT_WINDOWS_DAYS
        ),
        *(f"{_decayed(days)} as {half_life_name(days)}" for days in HALF_LIVES_DAYS),
        "len(gaps)::integer as visit_gaps",
        "gaps[1]::integer as last_visit_gap_days",
        "total / len(gaps) as mean_visit_gap_days",
        "sqrt(len(gaps) * list_sum(list_transform(gaps, lambda g: g * g))::double - total * total)"
        " / len(gaps) as visit_gap_deviation_days",
        "ages[1] / (total / len(gaps)) as days_since_visit_by_mean_gap",
        "len(longer)::integer as longer_visit_gaps",
        *(f"{_ended(days)} as visit_hazard_{days}d" for days in HORIZONS_DAYS),
    ]
    return f"""
select {keys}, {", ".join(columns)}, {day} as feature_date
from (
  select *, list_filter(gaps, lambda g: g > ages[1]) as longer,
    case when len(gaps) > 0 then (ages[len(ages)] - ages[1])::double end as total
  from (
    select *, list_transform(range(1, len(ages)), lambda i: ages[i + 1] - ages[i]) as gaps
    from {table}
  )
)
"""


def _decayed(half_life: int) -> str:
    weights = [round(UNIT * 0.5 ** (age / half_life)) for age in range(RING_DAYS)]
    return f"list_sum(list_transform(ages, lambda a: {weights}[a + 1]))::double / {UNIT}::double"


def _ended(days: int) -> str:
    within = f"len(list_filter(longer, lambda g: g <= ages[1] + {days}))::double"
    return f"case when len(longer) > 0 then {within} / len(longer) end"
