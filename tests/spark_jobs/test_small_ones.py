"""Daily activity, dimensions, pairs, labels and rankings: worked examples, ties and nulls."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from include.config import Campaign
from include.contracts import Table, propensity
from spark_jobs.transforms.daily_activity import daily_activity
from spark_jobs.transforms.dimensions import with_parsed_listing, with_parsed_user, with_superseded
from spark_jobs.transforms.labels import reactions, with_label_and_weight
from spark_jobs.transforms.pairs import all_pairs, known_users, pair_features
from spark_jobs.transforms.parsing import CORRUPT
from spark_jobs.transforms.ranking import with_arm, with_rank_and_decile
from tests.spark_jobs.feature_rows import feature_tables

DAY = date(2026, 3, 10)
TYPES = ("view", "buy")


def campaign(
    name: str, about: str, kinds: tuple[str, ...] = ("buy",), horizon: int = 7
) -> Campaign:
    return Campaign(campaign_id=name, category=about, positive_event_types=kinds,
                    horizon_days=horizon, holdout_share=0.2)  # fmt: skip


def test_daily_activity_by_hand(spark: SparkSession, tables: dict[str, Table]) -> None:
    noon = datetime(2026, 3, 9, 12, tzinfo=UTC)
    events = spark.createDataFrame(
        [
            ("a", noon, 1, 9, "view", None, "cars", DAY),
            ("b", noon + timedelta(hours=1), 1, 9, "buy", 0.1, "cars", DAY),
            ("c", noon, 1, 9, "buy", 0.2, "cars", DAY),
            ("d", noon + timedelta(hours=13), 1, 9, "view", None, "cars", DAY),
        ],
        tables["core.events"].spark_schema(),
    )
    rows = {r.event_date: r for r in daily_activity(events, TYPES).collect()}
    assert set(rows) == {date(2026, 3, 9), DAY}
    first = rows[date(2026, 3, 9)]
    # 0.1 + 0.2 is 0.30000000000000004 in doubles; sums here are of whole numbers.
    assert (first.view_count, first.buy_count, first.value_sum) == (1, 2, 0.3)
    assert first.last_occurred_at.astimezone(UTC) == noon + timedelta(hours=1)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(TYPES), st.integers(-99, 99))))
def test_daily_activity_keeps_every_total(
    spark: SparkSession, tables: dict[str, Table], rows: list[tuple[int, str, int]]
) -> None:
    noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
    events = spark.createDataFrame(
        [(str(n), noon, u, 9, kind, c / 100, "cars", DAY) for n, (u, kind, c) in enumerate(rows)],
        tables["core.events"].spark_schema(),
    )
    found = daily_activity(events, TYPES).collect()
    for kind in TYPES:
        counted = {r.user_id: r[f"{kind}_count"] for r in found if r[f"{kind}_count"]}
        assert counted == Counter(u for u, k, _ in rows if k == kind)
    assert round(sum(r.value_sum for r in found) * 100) == sum(c for _, _, c in rows)


def test_listings_are_refused_with_reasons(spark: SparkSession) -> None:
    landed = spark.createDataFrame(
        [
            ("1", "cars", "a", "9.5", f"{DAY}T17:00:00Z"),
            ("x", "cars", "b", "1", None),
            (None, None, None, "-3", "at noon"),
            ("2", "cars", "a", "9.5", f"{DAY + timedelta(days=1)}T00:00:00Z"),
        ],
        "listing_id string, category string, title string, price string, updated_at string",
    ).selectExpr("*", f"cast(null as string) as {CORRUPT}", f"date'{DAY}' as ingest_date")
    reasons = {r.landed.listing_id: r.reasons for r in with_parsed_listing(landed).collect()}
    assert reasons == {
        "1": [],
        "x": ["invalid_listing_id"],
        None: ["missing_listing_id", "invalid_price", "invalid_updated_at"],
        "2": ["updated_in_future"],
    }


def test_a_broken_record_of_a_user_is_withheld(spark: SparkSession) -> None:
    landed = spark.createDataFrame(
        [(None, None, None, '{"user_id": 1, "email": "someone@example.org"', DAY)],
        "user_id string, registered_at string, updated_at string, "
        f"{CORRUPT} string, ingest_date date",
    )
    (row,) = with_parsed_user(landed).collect()
    assert row.reasons == ["malformed_record"]
    assert "example.org" not in str(row)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 3),
            st.sampled_from(["car", "van", None]),
            st.sampled_from([None, 8, 17]),
            st.booleans(),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_of_a_days_rows_with_one_key_the_newest_stays_and_a_tie_is_refused(
    spark: SparkSession, landed: list[tuple[int, str | None, int | None, bool]]
) -> None:
    """Read aloud: of the newest valid rows one stays if they agree, and none if they don't."""
    expected: Counter[tuple[int, str | None, bool, str]] = Counter()
    for listing in {row[0] for row in landed}:
        valid = [row for row in landed if row[0] == listing and row[3]]
        newest = max((hour or 0 for _, _, hour, _ in valid), default=0)
        said = {title for _, title, hour, _ in valid if (hour or 0) == newest}
        for _, title, hour, _ in valid:
            if (hour or 0) < newest:
                expected[listing, title, True, ""] += 1
            elif len(said) > 1:
                expected[listing, title, False, "contradicts_same_listing_id"] += 1
            else:
                expected[listing, title, bool(expected[listing, title, False, ""]), ""] += 1
    expected.update((row[0], row[1], False, "bad") for row in landed if not row[3])

    noon = datetime.combine(DAY, datetime.min.time())
    parsed = spark.createDataFrame(
        [
            (listing, title, hour and noon.replace(hour=hour), [] if valid else ["bad"], DAY)
            for listing, title, hour, valid in landed
        ],
        "listing_id long, title string, updated_at timestamp, reasons array<string>, "
        "ingest_date date",
    )
    found = with_superseded(parsed, "listing_id", ("title",)).collect()
    assert (
        Counter((r.listing_id, r.title, r.is_duplicate, ",".join(r.reasons)) for r in found)
        == +expected
    )


def test_users_are_known_from_the_day_they_arrive(spark: SparkSession) -> None:
    early, late = datetime(2026, 1, 1), datetime(2026, 1, 2)  # noqa: DTZ001 (Spark's UTC)
    arrivals = spark.createDataFrame(
        [(1, early, DAY), (1, late, DAY + timedelta(days=1)), (2, early, DAY + timedelta(days=1))],
        "user_id long, registered_at timestamp, ingest_date date",
    )
    found = known_users(arrivals, [DAY, DAY + timedelta(days=1)]).collect()
    assert {(r.feature_date, r.user_id, r.registered_at) for r in found} == {
        (DAY, 1, early),
        (DAY + timedelta(days=1), 1, late),
        (DAY + timedelta(days=1), 2, early),
    }


def test_pairs_have_every_user_and_campaign_once_in_the_contracts_order(
    spark: SparkSession, tables: dict[str, Table]
) -> None:
    at = datetime(2026, 3, 1)  # noqa: DTZ001 (Spark's UTC)
    daily = spark.createDataFrame(
        [(1, "cars", DAY, 3, 1, 5.0, at, DAY), (1, "boats", DAY, 7, 0, 0.0, at, DAY)],
        tables["features.user_category_daily"].spark_schema(),
    )
    users = spark.createDataFrame(
        [(DAY, 1, at), (DAY, 2, at - timedelta(days=400))],
        "feature_date date, user_id long, registered_at timestamp",
    )
    campaigns = [campaign("cars", "cars"), campaign("both", "boats", ("view", "buy")),
                 campaign("new", "rockets")]  # fmt: skip
    frame = pair_features(
        users, feature_tables(daily, [DAY], campaigns, TYPES),
        campaigns, TYPES,
    )  # fmt: skip
    assert frame.columns[:4] == ["feature_date", "user_id", "campaign_id", "category"]
    assert frame.columns[4:] == [column.name for column in propensity.features(TYPES)]
    rows = {(r.user_id, r.campaign_id): r for r in frame.collect()}
    assert set(rows) == {(u, c) for u in (1, 2) for c in ("cars", "both", "new")}
    assert rows[1, "both"].category == "boats"
    assert rows[1, "cars"].positive_count_7d == 1
    assert rows[1, "both"].positive_count_7d == 7
    assert rows[1, "new"].positive_count_7d == 0
    assert rows[1, "new"].category_days_since_last is None
    assert rows[2, "cars"].user_view_count_7d == 0
    assert rows[1, "cars"].user_days_since_registration_max_84 == 9
    assert rows[2, "cars"].user_days_since_registration_max_84 == 84
    assert rows[1, "both"].category_days_since_visit == 0
    assert rows[1, "both"].category_share_of_visits_half_life_30d == 1
    assert rows[1, "new"].category_visits_365d == rows[1, "new"].category_visitors_share_7d == 0
    assert rows[1, "new"].category_days_since_visit is None
    assert rows[1, "new"].category_visitors_trend is None
    assert (
        rows[2, "cars"].category_visitors_share_7d == rows[2, "cars"].category_visitors_trend == 1
    )
    assert rows[2, "cars"].category_share_of_visits_half_life_30d is None


def test_pairs_that_were_chosen_before_have_the_features_that_they_have_among_all(
    spark: SparkSession, tables: dict[str, Table]
) -> None:
    at = datetime(2026, 3, 1)  # noqa: DTZ001 (Spark's UTC)
    daily = spark.createDataFrame(
        [(user, "cars", DAY, user, 1, 5.0, at, DAY) for user in range(0, 40, 2)],
        tables["features.user_category_daily"].spark_schema(),
    )
    users = spark.createDataFrame(
        [(DAY, user, at) for user in range(40)],
        "feature_date date, user_id long, registered_at timestamp",
    )
    campaigns = [campaign("cars", "cars"), campaign("boats", "boats")]
    positive = spark.createDataFrame(
        [(DAY, 3, "cars"), (DAY, 4, "boats")],
        "snapshot_date date, user_id long, campaign_id string",
    )
    day = ("feature_date", "snapshot_date")
    features = (users, feature_tables(daily, [DAY], campaigns, TYPES), campaigns, TYPES)
    pairs = all_pairs(users, campaigns).withColumnRenamed(*day)
    chosen = with_label_and_weight(pairs, positive, 0.3).withColumnRenamed(*reversed(day))
    first = pair_features(*features, chosen=chosen).collect()
    every = pair_features(*features).withColumnRenamed(*day)
    after = with_label_and_weight(every, positive, 0.3).withColumnRenamed(*reversed(day))
    assert sorted(map(repr, first)) == sorted(map(repr, after.select(*first[0].asDict()).collect()))
    assert 2 < len(first) < 60


@pytest.mark.parametrize(
    ("happened", "arrived", "is_reaction"),
    [(0, 0, False), (1, 1, True), (7, 7, True), (8, 8, False), (7, 8, False), (-1, 1, False)],
    ids=["on the snapshot date", "first day", "last day", "too late", "arrived too late", "before"],
)
def test_the_label_window_is_open_at_its_start_and_closed_at_its_end(
    spark: SparkSession, tables: dict[str, Table], happened: int, arrived: int, is_reaction: bool
) -> None:
    at = datetime(2026, 3, 1)  # noqa: DTZ001 (Spark's UTC)
    daily = spark.createDataFrame(
        [(1, "cars", DAY + timedelta(days=happened), 0, 1, 0.0, at, DAY + timedelta(days=arrived))],
        tables["features.user_category_daily"].spark_schema(),
    )
    found = reactions(daily, [DAY], [campaign("c", "cars"), campaign("d", "boats")]).collect()
    assert [(r.snapshot_date, r.user_id, r.campaign_id) for r in found] == (
        [(DAY, 1, "c")] if is_reaction else []
    )


def test_sampled_negatives_stand_for_the_others(spark: SparkSession) -> None:
    pairs = spark.range(2_000).selectExpr(
        f"date'{DAY}' as snapshot_date", "id as user_id", "'c' as campaign_id"
    )
    positive = pairs.where("user_id < 100")
    kept = with_label_and_weight(pairs, positive, 0.25).collect()
    assert sum(r.label for r in kept) == 100
    negatives = [r for r in kept if not r.label]
    assert {r.weight for r in negatives} == {4.0}
    assert 0.2 < len(negatives) / 1_900 < 0.3
    shuffled = with_label_and_weight(pairs.repartition(3), positive, 0.25).collect()
    assert {r.user_id for r in kept} == {r.user_id for r in shuffled}


def test_ranks_break_ties_by_user_and_start_anew_each_day(spark: SparkSession) -> None:
    rows = [(DAY, "c", user, 0.5) for user in range(20, 0, -1)] + [
        (DAY + timedelta(days=1), "c", 1, 0.1)
    ]
    frame = spark.createDataFrame(
        rows, "score_date date, campaign_id string, user_id long, score double"
    )
    found = {(r.score_date, r.user_id): r for r in with_rank_and_decile(frame).collect()}
    assert [found[DAY, user].rank for user in range(1, 21)] == list(range(1, 21))
    assert [found[DAY, user].decile for user in (1, 2, 3, 20)] == [1, 1, 2, 10]
    assert found[DAY + timedelta(days=1), 1].rank == 1


def test_arms_are_stable_keyed_and_shared_out_as_configured(spark: SparkSession) -> None:
    pairs = spark.range(10_000).selectExpr("id as user_id", "'c' as campaign_id")
    one = {r.user_id: r.arm for r in with_arm(pairs, [campaign("c", "cars")], "key").collect()}
    again = with_arm(pairs.repartition(5), [campaign("c", "cars")], "key")
    other = with_arm(pairs, [campaign("c", "cars")], "other key")
    assert one == {r.user_id: r.arm for r in again.collect()}
    assert one != {r.user_id: r.arm for r in other.collect()}
    share = sum(arm == "control" for arm in one.values()) / len(one)
    assert abs(share - 0.2) < 0.02  # five standard deviations


def test_a_null_count_is_none_and_the_other_types_count_all_the_same(spark: SparkSession) -> None:
    daily = spark.createDataFrame(
        [(1, "cars", DAY, DAY, 3, 1, 0.0)],
        "user_id long, category string, event_date date, ingest_date date, view_count long, "
        "buy_count long, value_sum double",
    )
    cars = campaign("sell_cars", "cars", ("view", "buy"))
    tables = feature_tables(daily, [DAY], [cars], TYPES)
    nulled = tables.user_category.withColumn("buy_count_7d", F.lit(None).cast("long"))
    users = spark.createDataFrame(
        [(DAY, 1, None)], "feature_date date, user_id long, registered_at timestamp"
    )
    pairs = pair_features(
        users,
        replace(tables, user_category=nulled),
        [cars],
        TYPES,
    )
    (row,) = pairs.select("positive_count_7d", "positive_count_28d").collect()
    assert tuple(row) == (3.0, 4.0)


def test_rows_without_a_list_of_reasons_are_not_lost(spark: SparkSession) -> None:
    parsed = spark.createDataFrame(
        [(9, "a", None, None, DAY), (9, "a", None, [], DAY), (9, "a", None, [], DAY)],
        "listing_id long, title string, updated_at timestamp, reasons array<string>, "
        "ingest_date date",
    )
    marked = with_superseded(parsed, "listing_id", ("title",)).select("reasons", "is_duplicate")
    assert Counter(map(repr, marked.collect())).total() == 3
