"""Operational metrics by night: the servers' predictions by package, and the durations of tasks."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date

from include import usecases
from include.settings import load_settings
from include.steps.context import NightContext, StepContext
from include.steps.monitor.performance import ALL, MetricScope
from include.steps.score import prediction_log
from include.stores import lake, prediction_table, warehouse
from include.stores.warehouse import TASK_SECONDS, Metric
from ml.ingestion.availability import NIGHT
from ml.monitoring import serving_metrics
from ml.rollout.routing import Route
from ml.usecase import periods

_SHADOW = f"route={Route.SHADOW}"
_COLUMNS = (NIGHT, "package", "route", "at", "latency_ms", "fault")


def measure(context: NightContext) -> None:
    """Record metrics of the servers' predictions for the window's nights; shadows form a slice of their own."""
    first = context.case.schedule.previous(context.night, context.case.triggers.window_nights)
    metrics = tuple(_traffic(context, first, context.night))
    warehouse.record_metrics(context.engine, metrics)


def _traffic(context: StepContext, first: date, last: date) -> Iterator[Metric]:
    logged = lake.read(prediction_log.address(context, prediction_table.REST), str(first), str(last), list(_COLUMNS))
    slices = logged["route"].map({Route.SHADOW: _SHADOW}).fillna(ALL)
    for (night, package, slice_), rows in logged.groupby([NIGHT, "package", slices]):
        scope = MetricScope(
            use_case=context.case.name,
            night=date.fromisoformat(str(night)),
            model_digest=str(package),
            slice=str(slice_),
        )
        for name, value in asdict(serving_metrics.measure(rows)).items():
            yield scope.metric(name, float(value), len(rows))


def record_task(use_case: str, period: str, task: str, seconds: float, tries: int, *, failed: bool) -> None:
    """Record how long the last try of a task of `period` took, the number of tries, and whether it failed."""
    case, span = usecases.get(use_case), periods.parse(period)
    values = {TASK_SECONDS: seconds, "task_failed": float(failed)}
    scope = MetricScope(use_case=case.name, night=span.last, model_digest=ALL, slice=f"task={task}")
    rows = [scope.metric(name, value, tries) for name, value in values.items()]
    warehouse.record_metrics(warehouse.engine(load_settings().warehouse_url), rows)
