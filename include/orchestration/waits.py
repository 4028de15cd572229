"""A deferrable wait with a deadline: no worker is held while nothing can be done."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from include.errors import PipelineError
from include.orchestration.defaults import NO_DAY
from include.orchestration.task_state_listener import record
from include.store_errors import store_error

log = logging.getLogger(__name__)

READINESS = ("landed", "committed", "days_before", "learnable")
"""Functions of `include.lake.readiness`, which is imported where one is asked: it is heavy."""
EARLIER_RUNS = "earlier_runs"
"""The function of `include.orchestration.earlier_runs`."""
CHECKS = (*READINESS, EARLIER_RUNS)

MARGIN = timedelta(minutes=5)
"""A wait gives up by itself, with a sentence, before Airflow ends it without one."""

PATIENCE = timedelta(minutes=3)
"""How long a run of a backfill waits for days whose runs are queued and don't begin: it may hold
the slot that they need, as where the backfill runs backwards. For days that nobody builds at all it
doesn't wait: Airflow takes no backfill that would mend what failed before this one is over."""
STUCK = "gave up, since nobody makes what it waits for"


class Unknown(str):
    """What a check would have said is not known; the text says why."""


def missing(check: str, arguments: dict[str, Any]) -> str | None:
    """What a check finds missing, in words; None if nothing is.

    A check that fails counts as missing (`Unknown`): a database that is away for five minutes must
    not end a wait of hours.

    Raises:
        PipelineError: The check can't be asked, whatever one waits for.
    """
    try:
        if check == EARLIER_RUNS:
            from include.orchestration.earlier_runs import earlier_runs

            return earlier_runs(**arguments)
        from include.lake import readiness

        found: str | None = getattr(readiness, check)(**arguments)
    except PipelineError:
        raise  # a configuration that can't be loaded, say: waiting doesn't help
    except Exception as error:
        log.warning("%s could not be asked", check, exc_info=True)
        said = str(error).strip()
        sentence = store_error(said) or said.split("\n", 1)[0]
        return Unknown(
            f"whether it is there could not be asked ({type(error).__name__}: {sentence})"
        )
    return found


def patience(made_by: dict[str, Any]) -> timedelta | None:
    """How long to wait on, by what becomes of what is waited for; None: until the deadline."""
    from include.orchestration.earlier_runs import who_builds

    try:
        who = who_builds(**made_by)
    except Exception:
        log.warning("whether earlier days are being built could not be asked", exc_info=True)
        return None
    return {"running": None, "queued": PATIENCE, "nobody": timedelta(0)}[who]


def require_day(day: str) -> None:
    """Fail a run that doesn't know its data day.

    Raises:
        AirflowFailException: Its `DAY` came out as none.
    """
    if day == NO_DAY:
        raise AirflowFailException(
            "this run has no data day, since it was triggered by hand: trigger it again with the "
            'parameter day, as in -c \'{"day": "2017-12-24"}\''
        )


class ReadinessTrigger(BaseTrigger):
    """Asks a check until it is content, the deadline passes, or nobody makes what it asks for."""

    def __init__(
        self,
        check: str,
        arguments: dict[str, Any],
        deadline_at: str,
        poke_s: float,
        made_by: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.check = check
        self.arguments = arguments
        self.deadline_at = deadline_at
        self.poke_s = poke_s
        self.made_by = made_by

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class and arguments, for the triggerer."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "check": self.check,
                "arguments": self.arguments,
                "deadline_at": self.deadline_at,
                "poke_s": self.poke_s,
                "made_by": self.made_by,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event: what is still missing, or an empty text."""
        deadline, moved_at = datetime.fromisoformat(self.deadline_at), datetime.now(UTC)
        while True:
            # Who builds it is asked before whether it is there: whoever ends in between has built.
            longest = None
            if self.made_by:
                longest = await asyncio.to_thread(patience, self.made_by)
            # The checks read files and databases: a thread keeps the triggerer's loop free.
            lacking = await asyncio.to_thread(missing, self.check, self.arguments)
            now = datetime.now(UTC)
            if lacking is None or now >= deadline:
                yield TriggerEvent(lacking or "")
                return
            if longest is None or isinstance(lacking, Unknown):
                moved_at = now
            elif now - moved_at >= longest:
                yield TriggerEvent(f"{STUCK}: {lacking}")
                return
            await asyncio.sleep(self.poke_s)


class WaitUntilReady(BaseOperator):
    """Defer until a check finds nothing missing.

    The deadline counts from the start of the run, so a task that is tried again or a triggerer that
    starts again doesn't wait for longer.

    Args:
        check: Name of the check.
        arguments: Its arguments; templated.
        deadline: How long after the run's start to give up, with what is missing.
        poke: How often to ask.
        made_by: Which runs make what is waited for, as arguments of `who_builds`; templated. A run
            of a backfill gives up early where nobody does.
    """

    template_fields = ("arguments", "made_by")

    def __init__(
        self,
        *,
        check: str,
        arguments: dict[str, Any],
        deadline: timedelta,
        poke: timedelta = timedelta(seconds=10),
        made_by: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(execution_timeout=deadline + MARGIN, **kwargs)
        if check not in CHECKS:
            raise ValueError(f"check must be one of {', '.join(CHECKS)}, got {check!r}")
        self.check = check
        self.arguments = arguments
        self.deadline = deadline
        self.poke = poke
        self.made_by = made_by

    def execute(self, context: Context) -> None:
        """Return at once if all is there, else hand over to the triggerer."""
        require_day(str(self.arguments.get("day")))
        lacking = missing(self.check, self.arguments)
        if lacking is None:
            return
        self.log.info("waiting: %s", lacking)
        record(context.get("ti"), "waiting", lacking)
        run = context.get("dag_run")
        started_at = getattr(run, "start_date", None) or datetime.now(UTC)
        is_backfill = getattr(run, "run_type", None) == "backfill"
        self.defer(
            trigger=ReadinessTrigger(
                check=self.check,
                arguments=self.arguments,
                deadline_at=(started_at + self.deadline).isoformat(),
                poke_s=self.poke.total_seconds(),
                made_by=self.made_by if is_backfill else None,
            ),
            method_name="finish",
        )

    def finish(self, context: Context, event: str) -> None:
        """Fail with what is missing if the deadline passed, or if nobody makes it."""
        if event.startswith(STUCK):
            raise AirflowFailException(
                f"{event}. Once that is mended, backfill the same days again, in their order, with "
                "`--reprocess-behavior failed`"
            )
        if event:
            raise AirflowFailException(
                f"gave up {self.deadline} after the run began: {event}. Clear this task once it is "
                "there"
            )
