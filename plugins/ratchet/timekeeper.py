"""What every task of a night took, and at which try: told by Airflow, kept in the warehouse beside the night's metrics."""

from datetime import UTC, datetime
from typing import Any

from airflow.listeners import hookimpl


@hookimpl
def on_task_instance_success(previous_state: Any, task_instance: Any) -> None:  # noqa: ARG001 - Airflow's own names
    """Keep what the task took."""
    _record_try(task_instance, failed=False)


@hookimpl
def on_task_instance_failed(previous_state: Any, task_instance: Any, error: Any) -> None:  # noqa: ARG001 - the same
    """Keep what the task took until it failed."""
    _record_try(task_instance, failed=True)


def _record_try(task: Any, *, failed: bool) -> None:
    """Record the try; tasks that are about no night are left out, as is a state that somebody set by hand."""
    if not hasattr(task, "get_template_context"):
        return
    from ratchet import request  # here: every process of Airflow loads this, and few keep anything

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
