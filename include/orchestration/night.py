"""When nights run: one a day, and those that an outage left out, oldest first."""

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.timetables.interval import CronDataIntervalTimetable

from include.days import day_of, start_of

if TYPE_CHECKING:
    from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
    from pendulum import DateTime


class DataDayTimetable(CronDataIntervalTimetable):
    """A data interval for each data day of a time zone.

    Airflow's cron expects midnight every day. Where clocks are set forward at midnight it finds
    none, where they are set back to it two, and a backfill of that one day makes no run.
    """

    def __init__(self, time_zone: str) -> None:
        """Make the timetable.

        Args:
            time_zone: Of the data days.
        """
        super().__init__("0 0 * * *", time_zone)
        self.time_zone = time_zone

    def serialize(self) -> dict[str, Any]:
        """What `deserialize` needs."""
        return {"time_zone": self.time_zone}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> "Timetable":
        """The timetable again, in the scheduler."""
        return cls(**data)

    def _get_next(self, current: "DateTime") -> "DateTime":
        day = day_of(current, self.time_zone)
        while start_of(day, self.time_zone) <= current:
            day += timedelta(days=1)
        return self._start(day)

    def _get_prev(self, current: "DateTime") -> "DateTime":
        day = day_of(current, self.time_zone)
        while start_of(day, self.time_zone) >= current:
            day -= timedelta(days=1)
        return self._start(day)

    def _align_to_next(self, current: "DateTime") -> "DateTime":
        local = current.in_timezone(self.time_zone)
        # Of two midnights a backfill's date is read as the second one; the day is meant.
        if local.time() == time.min:
            return self._start(local.date())
        return super()._align_to_next(current)

    def _start(self, day: date) -> "DateTime":
        return pendulum.instance(start_of(day, self.time_zone))


class NightTimetable(DataDayTimetable):
    """Data days; after an outage all since the last run, up to a bound.

    Airflow's own choices are all or nothing: `catchup=False` leaves out the days of an outage, and
    every later day then waits for them; `catchup=True` begins with the DAG's start date. A
    deployment's first run is of the day that just ended here, and so is the first one after an
    outage that was longer than the bound, or after a backfill of old days: those days are a
    person's to choose.
    """

    def __init__(self, time_zone: str, catch_up_days: int) -> None:
        """Make the timetable.

        Args:
            time_zone: Of the data days.
            catch_up_days: Days since the last run that are made up, at most.
        """
        super().__init__(time_zone)
        self.catch_up_days = catch_up_days

    def serialize(self) -> dict[str, Any]:
        """What `deserialize` needs."""
        return {**super().serialize(), "catch_up_days": self.catch_up_days}

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
