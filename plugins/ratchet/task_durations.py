"""A task listener: it records the duration and the try number of every task of a night in the warehouse's metrics.

A success also withdraws the alert of an earlier failure of the same task.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

if TYPE_CHECKING:
    from ml.usecase.periods import Period


@hookimpl
def on_task_instance_success(previous_state: Any, task_instance: Any) -> None:  # noqa: ARG001 - Airflow's own names
    """Record how long the task took, and withdraw the alert of an earlier failure."""
    _record_try(task_instance, failed=False)


@hookimpl
def on_task_instance_failed(previous_state: Any, task_instance: Any, error: Any) -> None:  # noqa: ARG001 - the same
    """Record how long the task ran until it failed."""
    _record_try(task_instance, failed=True)


def _record_try(task: Any, *, failed: bool) -> None:
    """Record the try, except for tasks without a night, and for states that a person set by hand."""
    if not hasattr(task, "get_template_context"):
        return
    from include.steps.monitor import serving_metrics, task_failures
    from ratchet import notifiers, request  # imported late: every Airflow process loads this module

    context = task.get_template_context()
    use_case = request.use_case_of(context)
    if use_case is None:
        return
    period, name = period_of(context), notifiers.task_name(use_case, task)
    if not failed:
        task_failures.settle(use_case, period.last if period else None, name)
    if period is not None:
        seconds = (datetime.now(UTC) - task.start_date).total_seconds()
        serving_metrics.record_task(use_case, str(period), name, seconds, task.try_number, failed=failed)


def period_of(context: Any) -> Period | None:
    """Return the period of the run; None for DAGs without nights, and if the task failed because of its request."""
    from ml.errors import RequestError
    from ratchet import request

    if "use_case" not in context["dag"].params:
        return None
    try:
        return request.requested_period(context)
    except RequestError:
        return None
