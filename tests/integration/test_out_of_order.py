"""Days that come late, are corrected and built again end as if they had been built in order."""

from datetime import timedelta

from include.days import Days
from include.lake import readiness
from include.lake.refresh import list_stale, stale_days
from include.landing.sources import synthetic
from include.landing.sources.synthetic import Traffic
from include.landing.zone import Landing
from include.settings import Settings
from spark_jobs import daily_activity, events, features
from tests.integration.test_pipeline import FIRST, TRAFFIC, checksums, go, lake, market

__all__ = ["market"]  # the fixture

BUILDS = {"events": events.build, "daily_activity": daily_activity.build,
          "features": features.build}  # fmt: skip
DAYS = [FIRST + timedelta(days=n) for n in range(3)]
OTHER = Traffic(**{**vars(TRAFFIC), "seed": 9})


def refresh(run: str) -> list[str]:
    """What the DAG does, job after job; returns the jobs that had something to do."""
    worked = []
    for job, build in BUILDS.items():
        if days := stale_days(job):
            reach = Days(*(DAYS[0].fromisoformat(days[name]) for name in ("first_day", "last_day")))
            more = ["--set", f"feature_dates={days['dates']}"] if job == "features" else []
            go(job, [build], reach, run, *more)
            worked.append(job)
    return worked


def built_in_order(run: str) -> None:
    for day in DAYS:
        lake(Days(day, day), f"{run} {day}")


def test_a_day_built_before_its_time_and_a_corrected_one(market: Settings) -> None:
    first, second, third = DAYS
    lake(Days(first, first))
    lake(Days(third, third))
    assert readiness.committed(str(third), ["features.user"]) is None
    lake(Days(second, second))  # loaded later, though it is the earlier one
    lines = list_stale()
    assert lines[0] == f"{third}  core.events: core.events of {second} changed"
    assert len(lines) == 9, "events, rejected events, activity and features of one day"
    assert "is stale" in str(readiness.committed(str(third), ["features.user"]))
    assert "is stale" in str(readiness.days_before(str(third + timedelta(days=1))))
    assert refresh("late")[0] == "events"
    assert list_stale() == []
    assert readiness.days_before(str(third + timedelta(days=1))) is None
    healed = checksums(market)

    landing = Landing(market.landing_uri)
    with landing.write_day("events", first) as writer:  # sent again, corrected
        writer.write(synthetic.events_batch(OTHER, first, 0, 300))
    lake(Days(first, first), "corrected")
    assert {line[:10] for line in list_stale()} == {str(second), str(third)}
    refresh("corrected")
    assert list_stale() == []
    refreshed = checksums(market)
    assert refreshed["core.events"] != healed["core.events"]
    built_in_order("again")
    assert checksums(market) == refreshed
    assert refresh("nothing to do") == []
