"""What the model servers took in a night's time, processors and memory, and the requests they failed: asked of Prometheus."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import httpx

from include.settings import Settings
from include.steps.monitor.performance import ALL, Part
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
_OURS = ' and on (instance, job) max_over_time(ratchet_use_case{{name="{name}"}}{span})'
_SECONDS = 10.0


def measure(case: UseCase, night: date, settings: Settings) -> None:
    """Record, server by server and over all, the mean cores, the most megabytes and the failed requests up to the cutoff.

    Without `RATCHET_PROMETHEUS_URL` nothing is recorded; where that address does not answer, an alert is raised instead.
    """
    if not settings.prometheus_url:
        return
    engine, until = warehouse.engine(settings.warehouse_url), case.horizon.cutoff(night)
    span = until - case.horizon.cutoff(case.horizon.before(night, 1))
    try:
        with httpx.Client(base_url=settings.prometheus_url, timeout=_SECONDS, trust_env=False) as prometheus:
            found = {name: _ask(prometheus, _query(name, case, span), until) for name in _QUERIES}
    except SetupError as error:
        alert = Alert(use_case=case.name, night=night, kind="unmeasured", subject="servers", message=str(error))
        warehouse.raise_alert(engine, alert)
        return
    warehouse.record_metrics(engine, tuple(_told(case, night, found)))


def _query(name: str, case: UseCase, span: timedelta) -> str:
    seconds = f"[{span.total_seconds():.0f}s]"
    return _QUERIES[name].format(span=seconds, ours=_OURS.format(name=case.name, span=seconds))


def _ask(prometheus: httpx.Client, query: str, at: datetime) -> dict[str, float]:
    """Return the value of each server, by its address; raises SetupError when Prometheus does not answer."""
    try:
        asked: dict[str, str | float] = {"query": query, "time": at.timestamp()}
        reply = prometheus.get("/api/v1/query", params=asked)
        reply.raise_for_status()
        return {each["metric"]["instance"]: float(each["value"][1]) for each in reply.json()["data"]["result"]}
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        told = f"expected Prometheus to answer at {prometheus.base_url}, but: {error}: see RATCHET_PROMETHEUS_URL"
        raise SetupError(told) from None


def _told(case: UseCase, night: date, found: dict[str, dict[str, float]]) -> Iterator[Metric]:
    """Yield each server's numbers, and of all together the sum; of memory the most."""
    for name, by_server in found.items():
        for server, value in by_server.items():
            part = Part(use_case=case.name, night=night, model_digest=ALL, slice=f"server={server}")
            yield part.metric(name, value, 1)
        if by_server:
            together = max if name == _MEMORY else sum
            everywhere = Part(use_case=case.name, night=night, model_digest=ALL)
            yield everywhere.metric(name, together(by_server.values()), len(by_server))
