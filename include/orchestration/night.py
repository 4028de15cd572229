"""When nights run: one a day, and those that an outage left out, oldest first."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.timetables.interval import CronDataIntervalTimetable

if TYPE_CHECKING:
    from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable


class NightTimetable(CronDataIntervalTimetable):
    """Daily data intervals; after an outage, of all days since the last run, up to a bound.

    Airflow's own choices are all or nothing: `catchup=False` leaves out the days of an outage, and
    every later day then waits for them; `catchup=True` begins with the DAG's start date. A
    deployment's first run is of the day that just ended here, and so is the first one after an
    outage that was longer than the bound, or after a backfill of old days: those days are a
    person's to choose.
    """

    def __init__(self, cron: str, timezone: Any, *, catch_up_days: int) -> None:
        """Make the timetable.

        Args:
            cron: When a day ends, as a cron expression.
            timezone: Where; a name, or a time zone.
            catch_up_days: Days since the last run that are made up, at most.
        """
        super().__init__(cron, timezone)
        self.catch_up_days = catch_up_days

    def serialize(self) -> dict[str, Any]:
        """What `deserialize` needs."""
        return {**super().serialize(), "catch_up_days": self.catch_up_days}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> "Timetable":
        """The timetable again, in the scheduler."""
        plain = CronDataIntervalTimetable.deserialize(data)
        return cls(plain._expression, plain._timezone, catch_up_days=data["catch_up_days"])  # type: ignore[attr-defined]

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: "DataInterval | None",
        restriction: "TimeRestriction",
    ) -> "DagRunInfo | None":
        """The next night: the one after the last if that isn't too long ago, else the newest.

        With `restriction.catchup`, as a backfill asks, whatever night is next.
        """
        last = last_automated_data_interval
        oldest = datetime.now(UTC) - timedelta(days=self.catch_up_days + 1)
        if last is not None and last.end >= oldest:
            restriction = restriction._replace(catchup=True)
        return super().next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
