"""Airflow notifiers that send by Apprise, after a task that may have raised alerts, and after one that failed."""

import asyncio
from typing import Any

from airflow.sdk import BaseNotifier, Context

from ratchet import request


class AlertNotifier(BaseNotifier):
    """Sends the alerts of the run's period, or only those of one `kind`."""

    def __init__(self, use_case: str, kind: str | None = None) -> None:
        super().__init__()
        self.use_case, self.kind = use_case, kind

    def notify(self, context: Context) -> None:
        """Send the alerts, if there are any."""
        from include import notifications

        notifications.send_alerts(self.use_case, request.period(context), self.kind)


class FailureNotifier(BaseNotifier):
    """Reports that a task failed, once Airflow has given up on it."""

    def notify(self, context: Context) -> None:
        """Send the task's name and the last line of its error."""
        from include import notifications

        task = context["ti"]
        notifications.send(
            f"{task.dag_id}.{task.task_id} failed",
            f"{context.get('exception') or 'no reason was given'} ({task.run_id})",
        )


async def notify_late(hours: float, context: dict[str, Any]) -> None:
    """Report that a run has not ended in time; it continues. Airflow's triggerer calls this for a missed deadline."""
    from include import notifications

    run = context["dag_run"]
    runbook = "docs/operate/monitoring.md#a-night-is-late"
    message = f"{run['dag_run_id']} has not ended {hours:g} hours after it was due: {runbook}"
    await asyncio.to_thread(notifications.send, f"{run['dag_id']} is late", message)
