"""Resource use of each training as metrics of its night, with alerts on upward trends and changed dependencies."""

from collections.abc import Iterator
from datetime import date

from include.settings import Settings
from include.steps.context import NightContext
from include.stores import warehouse
from include.stores.warehouse import Alert, Metric
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import CandidateRecord, Verdict
from ml.statistics import trends
from ml.usecase import UseCase

SECONDS, LATENCY, MEMORY, SIZE = "training_seconds", "serving_p99_ms", "serving_memory_mb", "package_mb"
TIMED_METRICS = (SECONDS, LATENCY, MEMORY)
_NO_MODEL, _TREND, _DEPENDENCIES = "none", "trend", "dependencies"


def record_seconds(context: NightContext, candidate: str, seconds: float) -> None:
    """Record how long it took to tune, fit and probe a candidate."""
    _record([_metric(context.case, context.night, candidate, _NO_MODEL, SECONDS, seconds)], context.settings)


def record(context: NightContext, entry: Entry) -> None:
    """Record the serving resources of a verdict's candidates, and raise alerts on trends and changed dependencies."""
    verdict = ledger_entries.read(entry, Verdict)
    _record(
        [
            _metric(context.case, context.night, each.name, entry.subject, metric, value)
            for each in verdict.candidates
            for metric, value in _resources(each).items()
        ],
        context.settings,
    )
    alerts = list(_trends(context))
    if verdict.environment_changes:
        changes = "; ".join(verdict.environment_changes)
        message = f"the environment of the package of {context.night} differs from the champion's: {changes}"
        alerts.append(_alert(context.case, context.night, _DEPENDENCIES, entry.subject[:12], message))
    engine = context.engine
    warehouse.replace_alerts(engine, context.case.name, context.night, (_TREND, _DEPENDENCIES), alerts)


def _resources(candidate: CandidateRecord) -> dict[str, float]:
    return {LATENCY: candidate.p99_latency_ms, MEMORY: candidate.memory_mb, SIZE: candidate.package_mb}


def _trends(context: NightContext) -> Iterator[Alert]:
    for candidate in context.case.candidates:
        for metric in (*TIMED_METRICS, SIZE):
            trend = trends.measure(_history(context, candidate.name, metric))
            if trend and trend.has_risen:
                message = (
                    f"{metric} of {candidate.name} has risen: {trend.recent:.4g} in the last three trainings, "
                    f"{trend.baseline:.4g} before (bar: {trend.threshold:.4g})"
                )
                yield _alert(context.case, context.night, _TREND, f"{candidate.name} {metric}", message)


def _history(context: NightContext, candidate: str, metric: str) -> list[float]:
    """Return the values measured at each training up to the context's night, in order."""
    engine = context.engine
    metrics = warehouse.metrics(
        engine, context.case.name, last_night=context.night, metric=metric, slice=_slice(candidate)
    )
    return [each.value for each in metrics if each.value is not None]


def _record(metrics: list[Metric], settings: Settings) -> None:
    warehouse.record_metrics(warehouse.engine(settings.warehouse_url), metrics)


def _metric(case: UseCase, night: date, candidate: str, digest: str, metric: str, value: float) -> Metric:
    return Metric(
        use_case=case.name,
        night=night,
        model_digest=digest,
        slice=_slice(candidate),
        metric=metric,
        value=value,
        n=1,
    )


def _slice(candidate: str) -> str:
    return f"candidate={candidate}"


def _alert(case: UseCase, night: date, kind: str, subject: str, message: str) -> Alert:
    return Alert(use_case=case.name, night=night, kind=kind, subject=subject, message=message)
