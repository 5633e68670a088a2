"""CPU, memory and failed requests of the model servers during a night, queried from Prometheus."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import httpx

from include.steps.context import NightContext
from include.steps.monitor.performance import ALL, MetricScope
from include.stores import warehouse
from include.stores.warehouse import Alert, Metric
from ml.errors import SetupError
from ml.usecase import UseCase

_MEMORY = "memory_mb"
_QUERIES = {
    "cpu_cores": "sum by (instance) (rate(process_cpu_seconds_total{span}){ours})",
    _MEMORY: "max by (instance) (max_over_time(process_resident_memory_bytes{span}){ours}) / 1e6",
    "requests_failed": 'sum by (instance) (increase(ratchet_requests_total{{status=~"5.."}}{span}){ours})',
}
_USE_CASE_FILTER = ' and on (instance, job) max_over_time(ratchet_use_case{{name="{name}"}}{span})'
_SECONDS = 10.0


def measure(context: NightContext) -> None:
    """Record, for each server and overall, mean CPU cores, peak memory and failed requests up to the night's cutoff.

    Without `RATCHET_PROMETHEUS_URL` this does nothing. If Prometheus does not answer there, it raises an alert.
    """
    if not context.settings.prometheus_url:
        return
    engine, until = context.engine, context.case.schedule.cutoff(context.night)
    span = until - context.case.schedule.cutoff(context.case.schedule.previous(context.night, 1))
    try:
        with httpx.Client(base_url=context.settings.prometheus_url, timeout=_SECONDS, trust_env=False) as prometheus:
            by_metric = {
                name: _query_prometheus(prometheus, _build_query(name, context.case, span), until) for name in _QUERIES
            }
    except SetupError as error:
        alert = Alert(
            use_case=context.case.name,
            night=context.night,
            kind="metrics_unavailable",
            subject="servers",
            message=str(error),
        )
        warehouse.raise_alert(engine, alert)
        return
    warehouse.record_metrics(engine, tuple(_metrics(context.case, context.night, by_metric)))


def _build_query(name: str, case: UseCase, span: timedelta) -> str:
    seconds = f"[{span.total_seconds():.0f}s]"
    return _QUERIES[name].format(span=seconds, ours=_USE_CASE_FILTER.format(name=case.name, span=seconds))


def _query_prometheus(prometheus: httpx.Client, query: str, at: datetime) -> dict[str, float]:
    """Return the value of each server, by address; raises SetupError when Prometheus does not answer."""
    try:
        params: dict[str, str | float] = {"query": query, "time": at.timestamp()}
        reply = prometheus.get("/api/v1/query", params=params)
        reply.raise_for_status()
        return {each["metric"]["instance"]: float(each["value"][1]) for each in reply.json()["data"]["result"]}
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        message = f"expected Prometheus to answer at {prometheus.base_url}, but: {error}: see RATCHET_PROMETHEUS_URL"
        raise SetupError(message) from None


def _metrics(case: UseCase, night: date, by_metric: dict[str, dict[str, float]]) -> Iterator[Metric]:
    """Yield the values of each server, and overall the sum, or for memory the maximum."""
    for name, by_server in by_metric.items():
        for server, value in by_server.items():
            scope = MetricScope(use_case=case.name, night=night, model_digest=ALL, slice=f"server={server}")
            yield scope.metric(name, value, 1)
        if by_server:
            aggregate = max if name == _MEMORY else sum
            overall = MetricScope(use_case=case.name, night=night, model_digest=ALL)
            yield overall.metric(name, aggregate(by_server.values()), len(by_server))
