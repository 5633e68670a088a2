"""Failed tasks as alerts, whatever notifier is set: the dashboard shows a red night until its task succeeds."""

from datetime import UTC, date, datetime

from include.steps.context import StepContext
from include.stores import warehouse
from include.stores.warehouse import Alert

TASK_FAILED = "task_failed"
_REASON_CHARS = 1000


def record(use_case: str, night: date | None, task: str, reason: str) -> None:
    """Raise an alert: `task` failed for good. Without a night, it belongs to the latest one of the calendar."""
    context = StepContext.load(use_case)
    night = night or context.case.schedule.latest_decided(datetime.now(UTC))
    message = f"{task} failed: {' '.join(reason.split())[:_REASON_CHARS]}"
    warehouse.raise_alert(
        context.engine, Alert(use_case=use_case, night=night, kind=TASK_FAILED, subject=task, message=message)
    )


def settle(use_case: str, night: date | None, task: str) -> None:
    """Withdraw the alert of `task`, which has succeeded; without a night, those of all nights."""
    context = StepContext.load(use_case)
    raised = [
        each
        for each in warehouse.alerts(context.engine, use_case, night, night)
        if each.kind == TASK_FAILED and each.subject == task
    ]
    if raised:
        warehouse.withdraw_alerts(context.engine, raised)
