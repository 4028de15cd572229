"""Yardstick: features and reactions to `training.examples`, in DuckDB. All negatives are kept."""

from tests.bench.yardsticks.events_duckdb import connect, write
from tests.bench.yardsticks.pairs_duckdb import campaigns, pairs, read
from tests.bench.yardsticks.work import Work, work

TABLE = "training.examples"


def reactions(asked: Work) -> str:
    """The query: pairs that reacted within the horizon."""
    happened = " or ".join(
        "(offers.kinds = '{}' and ({}))".format(
            ",".join(kinds), " or ".join(f"{kind}_count > 0" for kind in kinds)
        )
        for kinds in dict.fromkeys(tuple(one["positive_event_types"]) for one in campaigns(asked))
    )
    offers = ", ".join(
        f"('{one['campaign_id']}', '{one['category']}', '{','.join(one['positive_event_types'])}',"
        f" {one['horizon_days']})"
        for one in campaigns(asked)
    )
    days = ", ".join(f"date '{day}'" for day in asked.days)
    return f"""
select distinct feature_date, user_id, campaign_id
from {read(asked, "features.user_category_daily")}
join (values {offers}) as offers(campaign_id, category, kinds, horizon) using (category)
join (select unnest([{days}]) as feature_date) as days
  on event_date > feature_date and greatest(event_date, ingest_date) <= feature_date + horizon
where {happened}
"""


def main(asked: Work) -> None:
    """Write the table."""
    if asked.negative_share < 1:
        raise NotImplementedError("which negatives are kept is a hash of Spark's")
    write(
        connect(asked),
        asked,
        TABLE,
        f"""
select pairs.* exclude (feature_date), feature_date as snapshot_date,
  (hits.user_id is not null)::integer as label, 1.0::double as weight
from ({pairs(asked)}) as pairs
left join ({reactions(asked)}) as hits using (feature_date, user_id, campaign_id)
""",
    )


if __name__ == "__main__":
    main(work())
