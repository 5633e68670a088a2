"""Warn when a night before the declared history is ingested: its features have no past to look back on."""

from include.steps.context import StepContext
from include.stores import warehouse
from include.stores.warehouse import Alert

BEFORE_HISTORY = "before_history"


def warn(use_case: str, period: str) -> str | None:
    """Raise an alert when `period` begins before the declared history, and return its message; else withdraw it."""
    context = StepContext.load(use_case)
    schedule, demo = context.case.schedule, context.case.demo
    requested, first = schedule.parse(period), schedule.parse(demo.history).first
    message = (
        f"{requested.first} is before the first night of the history of {use_case}, {first}: its features can look back "
        "on nothing. If the history is longer, declare it (Demo(history=...)); if the date is wrong, ingest the right one"
    )
    alert = Alert(use_case=use_case, night=requested.last, kind=BEFORE_HISTORY, subject=str(requested), message=message)
    early = requested.first < first
    warehouse.replace_alerts(context.engine, use_case, requested.last, (BEFORE_HISTORY,), [alert] if early else [])
    return message if early else None
