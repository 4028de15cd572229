"""Wait for runs of earlier days of the same DAG: a day is built from days before it.

Scheduled runs come one after the other, but Airflow's backfill passes over `max_active_runs`, and
days that are built again find the rows of days before them, those that are about to be replaced.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from include.orchestration.defaults import DAY
from include.orchestration.task_state_listener import record

UNDER_WAY = ["queued", "running"]


def earlier_runs(dag_id: str, logical_dates: list[datetime]) -> int:
    """How many runs of the dates are queued or running; asks Airflow."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    return RuntimeTaskInstance.get_dr_count(
        dag_id=dag_id, logical_dates=logical_dates, states=UNDER_WAY
    )


class EarlierRunsTrigger(BaseTrigger):
    """Asks until no run of the dates is under way, or the deadline passes."""

    def __init__(self, dag_id: str, logical_dates: list[str], deadline_at: str, poke_s: float):
        super().__init__()  # type: ignore[no-untyped-call]
        self.dag_id = dag_id
        self.logical_dates = logical_dates
        self.deadline_at = deadline_at
        self.poke_s = poke_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class and arguments, for the triggerer."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "dag_id": self.dag_id,
                "logical_dates": self.logical_dates,
                "deadline_at": self.deadline_at,
                "poke_s": self.poke_s,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event: how many runs are still under way."""
        deadline = datetime.fromisoformat(self.deadline_at)
        dates = [datetime.fromisoformat(day) for day in self.logical_dates]
        while True:
            count = await asyncio.to_thread(earlier_runs, self.dag_id, dates)
            if not count or datetime.now(UTC) >= deadline:
                yield TriggerEvent(count)
                return
            await asyncio.sleep(self.poke_s)


class WaitForEarlierRuns(BaseOperator):
    """Defer until no run of this DAG for the days before is queued or running.

    A run that failed is waited for by nobody: the days after it become stale when it is repaired.

    Args:
        days: How many days before `day`.
        deadline: How long to wait before failing.
        day: The run's data day; a template.
        poke: How often to ask.
    """

    template_fields = ("day",)

    def __init__(
        self,
        *,
        days: int,
        deadline: timedelta,
        day: str = DAY,
        poke: timedelta = timedelta(seconds=10),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.days = days
        self.day = day
        self.deadline = deadline
        self.poke = poke

    def execute(self, context: Context) -> None:
        """Return at once if there is none, else hand over to the triggerer."""
        own = datetime.fromisoformat(self.day).replace(tzinfo=UTC)
        dates = [own - timedelta(days=back) for back in range(1, self.days + 1)]
        count = earlier_runs(self.dag_id, dates)
        if not count:
            return
        waits_for = f"{count} runs of {self.dag_id} for earlier days"
        self.log.info("waiting: %s", waits_for)
        record(context.get("ti"), "waiting", waits_for)
        self.defer(
            trigger=EarlierRunsTrigger(
                dag_id=self.dag_id,
                logical_dates=[day.isoformat() for day in dates],
                deadline_at=(datetime.now(UTC) + self.deadline).isoformat(),
                poke_s=self.poke.total_seconds(),
            ),
            method_name="finish",
        )

    def finish(self, context: Context, event: int) -> None:  # noqa: ARG002 (Airflow passes it)
        """Fail if the deadline passed."""
        if event:
            raise AirflowFailException(
                f"gave up after {self.deadline}: {event} runs of {self.dag_id} for earlier days "
                "are still under way. Clear this task once they are done"
            )
