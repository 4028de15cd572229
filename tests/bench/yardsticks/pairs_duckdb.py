"""User × campaign pairs with their features, as `spark_jobs/transforms/pairs.py` makes them."""

from pathlib import Path
from typing import Any

import yaml

from include.contracts.features import (
    LONGEST_WINDOW_DAYS,
    WINDOWS_DAYS,
    count_name,
    decayed_name,
)
from include.contracts.propensity import RECENCY_FEATURE, VISITS_SINCE_FEATURE
from include.contracts.visits import (
    ACTIVE_WINDOWS_DAYS,
    CAMPAIGN_CATEGORY,
    HALF_LIVES_DAYS,
    USER_CATEGORY_VISITS,
    USER_VISITS,
    VISITS,
    half_life_name,
)
from tests.bench.yardsticks.work import Work


def campaigns(asked: Work) -> list[dict[str, Any]]:
    """As the campaigns' file has them."""
    found: list[dict[str, Any]] = yaml.safe_load(Path(asked.campaigns).read_text())["campaigns"]
    return found


def read(asked: Work, table: str) -> str:
    """A table's files, as part of a query."""
    return f"read_parquet({list(asked.tables[table])}, hive_partitioning = false)"


def pairs(asked: Work) -> str:
    """The query: one row a day, user and campaign."""
    every = campaigns(asked)
    groups: dict[tuple[str, ...], list[str]] = {}
    for one in every:
        groups.setdefault(tuple(one["positive_event_types"]), []).append(one["campaign_id"])

    def positive(column: str) -> str:
        cases = " ".join(
            f"when offers.campaign_id in ({', '.join(map(repr, ids))}) then "
            + " + ".join(f"coalesce(uc.{column.format(kind=k)}::double, 0)" for k in kinds)
            for kinds, ids in groups.items()
        )
        return f"case {cases} end"

    def zero(name: str) -> str:
        return f"coalesce({name}::double, 0)"

    named = {f"positive_count_{d}d": positive(count_name("{kind}", d)) for d in WINDOWS_DAYS}
    named[RECENCY_FEATURE] = positive(decayed_name("{kind}"))
    for ours, theirs in (("value_sum", "value_sum"), ("active_days", "active_days")):
        named |= {f"category_{ours}_{d}d": zero(f"uc.{theirs}_{d}d") for d in WINDOWS_DAYS}
    named["category_days_since_last"] = "uc.days_since_last::double"
    for kind in asked.event_types:
        named |= {f"user_{kind}_count_{d}d": zero(f"u.{count_name(kind, d)}") for d in WINDOWS_DAYS}
    for what in ("value_sum", "active_days"):
        named |= {f"user_{what}_{d}d": zero(f"u.{what}_{d}d") for d in WINDOWS_DAYS}
    named["user_days_since_last"] = "u.days_since_last::double"
    named["user_categories_84d"] = zero("u.categories_84d")
    named[f"user_days_since_registration_max_{LONGEST_WINDOW_DAYS}"] = (
        f"least(feature_date - registered_at::date, {LONGEST_WINDOW_DAYS})::double"
    )
    for whose, table in (("category", "ucv"), ("user", "uv")):
        for column in VISITS:
            is_unknown = column.nullable or column.name == "days_since_visit"
            value = f"{table}.{column.name}"
            named[f"{whose}_{column.name}"] = f"{value}::double" if is_unknown else zero(value)
        if whose == "category":
            named[VISITS_SINCE_FEATURE] = "ucv.user_visits_since_visit::double"
    for half_life in HALF_LIVES_DAYS:
        name = half_life_name(half_life)
        named[f"category_share_of_{name}"] = (
            f"case when uv.{name} > 0 then coalesce(ucv.{name}, 0) / uv.{name} end"
        )
    for window in ACTIVE_WINDOWS_DAYS:
        named[f"category_visitors_share_{window}d"] = (
            f"case when cc.users > 0 then cc.visitors_{window}d::double / cc.users::double end"
        )
    named["category_visitors_trend"] = (
        "case when cc.visitors_28d > 0 then cc.visitors_7d::double / cc.visitors_28d::double end"
    )
    days = ", ".join(f"date '{day}'" for day in asked.days)
    offers = ", ".join(f"('{one['campaign_id']}', '{one['category']}')" for one in every)
    columns = ", ".join(f"{sql} as {name}" for name, sql in named.items())
    return f"""
select feature_date, user_id, offers.campaign_id, category, {columns}
from (select unnest([{days}]) as feature_date)
cross join {read(asked, "core.users")} as users
cross join (values {offers}) as offers(campaign_id, category)
left join {read(asked, "features.user_category")} as uc using (feature_date, user_id, category)
left join {read(asked, "features.user")} as u using (feature_date, user_id)
left join {read(asked, USER_CATEGORY_VISITS.name)} as ucv using (feature_date, user_id, category)
left join {read(asked, USER_VISITS.name)} as uv using (feature_date, user_id)
left join {read(asked, CAMPAIGN_CATEGORY.name)} as cc using (feature_date, category)
"""
