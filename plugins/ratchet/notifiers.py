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
    """Reports that a task failed, once Airflow has given up on it: as an alert in the warehouse, and as a message."""

    def __init__(self, use_case: str) -> None:
        super().__init__()
        self.use_case = use_case

    def notify(self, context: Context) -> None:
        """Raise the alert, and send the task's name and its error."""
        from include import notifications

        task, reason = context["ti"], _reason(context)
        try:
            self._raise_alert(context, reason)
        except Exception:
            self.log.exception("the failure of %s.%s could not be stored as an alert", task.dag_id, task.task_id)
        notifications.send(f"{task.dag_id}.{task.task_id} failed", f"{reason} ({task.run_id})")

    def _raise_alert(self, context: Context, reason: str) -> None:
        from include.steps.monitor import task_failures
        from ratchet.task_durations import period_of

        period = period_of(context)
        task_failures.record(
            self.use_case, period.last if period else None, task_name(self.use_case, context["ti"]), reason
        )


def task_name(use_case: str, task: Any) -> str:
    """Return the name under which the warehouse has a task of a use case: `stage.task`, with the index of a mapped one.

    >>> from types import SimpleNamespace
    >>> task_name("taxi", SimpleNamespace(dag_id="taxi_train", task_id="fit", map_index=1))
    'train.fit[1]'
    """
    index_suffix = "" if task.map_index is None or task.map_index < 0 else f"[{task.map_index}]"
    return f"{task.dag_id.removeprefix(f'{use_case}_')}.{task.task_id}{index_suffix}"


def _reason(context: Context) -> str:
    """Return what went wrong, in a sentence if the error is a known one of the machine."""
    from include.stores import failures

    error = context.get("exception")
    if isinstance(error, Exception) and (sentence := failures.explain(error)):
        return sentence
    return str(error or "no reason was given")


async def notify_late(hours: float, context: dict[str, Any]) -> None:
    """Report that a run has not ended in time; it continues. Airflow's triggerer calls this for a missed deadline."""
    from include import notifications

    run = context["dag_run"]
    runbook = "docs/operate/monitoring.md#a-night-is-late"
    message = f"{run['dag_run_id']} has not ended {hours:g} hours after it was due: {runbook}"
    await asyncio.to_thread(notifications.send, f"{run['dag_id']} is late", message)
