"""Queries of `docs/consumers.md` go by an index, and look at the days asked for and no other."""

import json
import re
from datetime import date, timedelta
from typing import Any

from include.settings import Settings
from tests.audience.market import contacts_loaded
from tests.predictions.consumer_queries import consumer_queries
from tests.predictions.score_rows import go, query, scores

QUERIES = consumer_queries()
NEWEST = date(2017, 12, 24)  # of the examples on the page
DAYS, USERS = 3, 20_000
BY = {
    "top_today": ("score", 1), "top_on_a_day": ("score", 1), "user_on_a_day": ("pkey", 1),
    "user_history": ("pkey", DAYS),
}  # fmt: skip


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes(child))]


def test_each_goes_by_an_index_of_the_days_asked_for(place: Settings) -> None:
    for number in range(DAYS):
        day = NEWEST - timedelta(days=number)
        go(place, scores(day, users=USERS, campaigns=("coffee", "beef")))
    for name, (index, partitions) in BY.items():
        ((plan,),) = query(place, f"explain (format json) {QUERIES[name]}", "analyst")
        found = nodes(plan[0]["Plan"])
        scans = [node for node in found if "Scan" in node["Node Type"]]
        assert len(scans) == partitions, f"{name}: {json.dumps(plan, indent=1)}"
        for scan in scans:
            used = scan.get("Index Name", "")
            assert re.fullmatch(rf"publication_\d+_{index}", used), f"{name}: {scan}"
        if index == "score":
            assert "Sort" not in [node["Node Type"] for node in found]


TEAM = ("audience", "reserve", "addresses", "confirm", "give_back", "reservations")


def test_every_query_of_the_page_runs_as_its_reader(place: Settings) -> None:
    """In the page's order: what is reserved in one is read, confirmed and given back in others."""
    go(place, scores(NEWEST, campaigns=("coffee",)))
    query(place, "insert into pii.contacts select n, n || '@example.org', null, null, true, :day "
          "from generate_series(0, 49) as n", day=NEWEST)  # fmt: skip
    contacts_loaded(place, NEWEST)
    assert [name for name in QUERIES if name in TEAM] == list(TEAM)
    seen = {}
    for name, sql in QUERIES.items():
        seen[name] = query(place, sql, "marketing" if name in TEAM else "analyst")
    assert set(QUERIES) == {*BY, *TEAM, "freshness", "publications", "uplift"}
    assert seen["reserve"] == [(1,)]
    assert len(seen["addresses"]) == 50
    assert seen["confirm"] == [(2,)]
    assert seen["give_back"] == [(48,)]
    assert seen["uplift"] == []
