"""A task listener: it records the duration and the try number of every task of a night in the warehouse's metrics."""

from datetime import UTC, datetime
from typing import Any

from airflow.listeners import hookimpl


@hookimpl
def on_task_instance_success(previous_state: Any, task_instance: Any) -> None:  # noqa: ARG001 - Airflow's own names
    """Record how long the task took."""
    _record_try(task_instance, failed=False)


@hookimpl
def on_task_instance_failed(previous_state: Any, task_instance: Any, error: Any) -> None:  # noqa: ARG001 - the same
    """Record how long the task ran until it failed."""
    _record_try(task_instance, failed=True)


def _record_try(task: Any, *, failed: bool) -> None:
    """Record the try, except for tasks without a night, and for states that a person set by hand."""
    if not hasattr(task, "get_template_context"):
        return
    from ratchet import request  # imported late: every Airflow process loads this module, and few record anything

    context = task.get_template_context()
    use_case = context["dag"].params.get("use_case")
    period = request.requested_period(context) if use_case else None
    if period is None:
        return
    from include.steps.monitor import serving_metrics

    seconds = (datetime.now(UTC) - task.start_date).total_seconds()
    index_suffix = "" if task.map_index is None or task.map_index < 0 else f"[{task.map_index}]"
    name = f"{task.dag_id.removeprefix(f'{use_case}_')}.{task.task_id}{index_suffix}"
    serving_metrics.record_task(use_case, str(period), name, seconds, task.try_number, failed=failed)
