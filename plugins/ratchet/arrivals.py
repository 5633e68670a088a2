"""The wait for a night's files: an operator that gives up its worker, and the trigger that lists the files meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent

from ratchet import request


class NightFilesTrigger(BaseTrigger):
    """Fires when the files of a period are complete, or when the time to wait for them is over."""

    def __init__(self, use_case: str, period: str, seconds: float = 15.0) -> None:
        super().__init__()
        self.use_case, self.period, self.seconds = use_case, period, seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments from which the triggerer creates this trigger."""
        arguments = {"use_case": self.use_case, "period": self.period, "seconds": self.seconds}
        return "ratchet.arrivals.NightFilesTrigger", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """List the files every `seconds` seconds; if the landing area does not answer, try again."""
        while await self._is_waiting():
            await asyncio.sleep(self.seconds)
        yield TriggerEvent({"period": self.period})

    async def _is_waiting(self) -> bool:
        from include.steps.ingest import arrivals

        try:
            return (
                await asyncio.to_thread(arrivals.find_wait, self.use_case, self.period, datetime.now(UTC)) is not None
            )
        except Exception:
            self.log.exception("cannot list the files of %s %s now; trying again", self.use_case, self.period)
            return True


class IngestOperator(BaseOperator):
    """Ingest the files of the run's period; while files are missing, wait in the triggerer, without a worker."""

    def __init__(self, *, use_case: str, poll_seconds: float = 15.0, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.use_case, self.poll_seconds = use_case, poll_seconds

    def execute(self, context: Any) -> dict[str, int]:
        """Ingest, or defer until the files are there."""
        from include.steps.ingest import arrivals

        period = request.period(context)
        if wait := arrivals.find_wait(self.use_case, period, datetime.now(UTC)):
            arrivals.announce(self.use_case, period, wait)
            self.log.info("waiting for %s until %s", ", ".join((*wait.missing, *wait.unsettled)), wait.until)
            self._send_alerts(period)
            self.defer(
                trigger=NightFilesTrigger(self.use_case, period, self.poll_seconds), method_name=self.ingest.__name__
            )
        return self.ingest(context)

    def ingest(self, context: Any, event: Any = None) -> dict[str, int]:
        """Ingest what is there. Raises what `include.steps.ingest` raises, also for a file that did not come.

        When nothing of a required table could be ingested, it raises DataError after the other tables were stored.
        """
        from include.steps import before_history
        from include.steps import ingest as step
        from include.steps.ingest import arrivals, required_tables

        period = request.period(context)
        try:
            counts = step.ingest(self.use_case, period)
        finally:
            arrivals.finish(self.use_case, period)
        before_history.warn(self.use_case, period)
        required_tables.check(self.use_case, period)
        return counts

    def _send_alerts(self, period: str) -> None:
        from include import notifications

        try:
            notifications.send_alerts(self.use_case, period)
        except Exception:
            self.log.exception("cannot send the alert that %s %s waits for files", self.use_case, period)
