"""What each training took and was made with, kept as metrics of its night, and told where it gets slower or is made otherwise."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from include.settings import Settings
from include.stores import warehouse
from include.stores.warehouse import Alert, Metric
from ml.governance.hash_chain import Entry
from ml.statistics import trends
from ml.usecase import UseCase

SECONDS, LATENCY, MEMORY, SIZE = "training_seconds", "serving_p99_ms", "serving_memory_mb", "package_mb"
TIMED_METRICS = (SECONDS, LATENCY, MEMORY)
_CANDIDATE_FIELDS = {LATENCY: "p99_latency_ms", MEMORY: "memory_mb", SIZE: "package_mb"}
_NO_MODEL, _TREND, _DEPENDENCIES = "none", "trend", "dependencies"


def record_seconds(case: UseCase, night: date, candidate: str, seconds: float, settings: Settings) -> None:
    """Keep how long it took to tune, fit and try a candidate."""
    _record([_metric(case, night, candidate, _NO_MODEL, SECONDS, seconds)], settings)


def record(case: UseCase, night: date, verdict: Entry, settings: Settings) -> None:
    """Keep what serving each candidate of a verdict takes, and tell trends and dependencies that changed."""
    payload: Mapping[str, Any] = verdict.payload
    _record(
        [
            _metric(case, night, each["name"], verdict.subject, metric, each[name])
            for each in payload.get("candidates", ())
            for metric, name in _CANDIDATE_FIELDS.items()
        ],
        settings,
    )
    alerts = list(_trends(case, night, settings))
    if payload.get("dependencies"):
        message = f"the package of {night} is made otherwise than its champion: {'; '.join(payload['dependencies'])}"
        alerts.append(_alert(case, night, _DEPENDENCIES, verdict.subject[:12], message))
    engine = warehouse.engine(settings.warehouse_url)
    warehouse.replace_alerts(engine, case.name, night, (_TREND, _DEPENDENCIES), alerts)


def _trends(case: UseCase, night: date, settings: Settings) -> Iterator[Alert]:
    for candidate in case.candidates:
        for metric in (*TIMED_METRICS, SIZE):
            trend = trends.measure(_history(case, night, candidate.name, metric, settings))
            if trend and trend.has_risen:
                message = (
                    f"{metric} of {candidate.name} has risen: {trend.recent:.4g} in the last three trainings, {trend.baseline:.4g} "
                    f"before (bar: {trend.threshold:.4g})"
                )
                yield _alert(case, night, _TREND, f"{candidate.name} {metric}", message)


def _history(case: UseCase, night: date, candidate: str, metric: str, settings: Settings) -> list[float]:
    """Return what was measured at each training up to `night`, in their order."""
    engine = warehouse.engine(settings.warehouse_url)
    metrics = warehouse.metrics(engine, case.name, last_night=night, metric=metric, slice=_slice(candidate))
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
