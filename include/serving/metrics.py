"""Prometheus metrics of a model server; each server has its own registry."""

import math
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import Metric
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from include.serving import live_snapshot
from include.serving.model_pool import ModelPool
from include.stores.request_log import RequestLog
from ml.rollout.routing import Route

_PREFIX = "ratchet_"
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters and histograms that requests update, and gauges that are computed when they are scraped."""

    def __init__(self, pool: ModelPool, request_log: RequestLog) -> None:
        self._registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self._requests = Counter(
            "ratchet_requests", "Requests, by protocol and status", ("protocol", "status"), registry=registry
        )
        self.shadows_dropped = Counter(
            "ratchet_shadows_dropped",
            "Rows not scored by the shadow: its queue was full, or scoring failed",
            registry=registry,
        )
        failures = Counter(
            "ratchet_refresh_failures",
            "Rounds in which a model, its routing, a package or a snapshot could not be loaded, by part",
            ("part",),
            registry=registry,
        )
        pool.count_failure = lambda part: failures.labels(part).inc()
        self.waiting = Gauge("ratchet_requests_waiting", "Requests waiting for an answer", registry=registry)
        self._answers = Counter(
            "ratchet_answers", "Rows scored, by route and package", ("route", "package"), registry=registry
        )
        self._faults = Counter(
            "ratchet_answer_faults", "Rows that a package failed to score", ("route", "package"), registry=registry
        )
        self._latency = Histogram(
            "ratchet_answer_seconds",
            "Seconds from the request to the score, by route",
            ("route",),
            registry=registry,
            buckets=_SECONDS,
        )
        self.explanation_seconds = Histogram(
            "ratchet_explanation_seconds",
            "Seconds to explain the scores of a request, in addition to scoring it",
            registry=registry,
            buckets=_SECONDS,
        )
        self._packages = Gauge("ratchet_package", "1 for each routed package", ("role", "package"), registry=registry)
        names = Gauge("ratchet_use_case", "1 for the use case of this server", ("name",), registry=registry)
        names.labels(pool.use_case).set(1)
        self._pool = pool
        for name, description, value in (
            ("ratchet_ready", "1 once there is a champion", lambda: float(pool.ready)),
            ("ratchet_canary_share", "Share of entities that the challenger answers for", self._canary_share),
            ("ratchet_routing_seq", "Ledger entry of the routing in use", self._routing_seq),
            (
                "ratchet_features_night_seconds",
                "Night of the feature snapshot in use, in seconds since 1970",
                self._features_night_seconds,
            ),
            (
                "ratchet_live_snapshot_age_seconds",
                "Seconds since the live snapshot in use was published",
                lambda: live.age_seconds if (live := live_snapshot.of(pool)) else math.nan,
            ),
            (
                "ratchet_live_snapshot_too_old",
                "1 while the live snapshot is older than the horizon declares: the night's model answers instead",
                lambda: float(live.is_too_old) if (live := live_snapshot.of(pool)) else 0.0,
            ),
            ("ratchet_refresh_faults", "Faults of the last refresh", lambda: float(len(pool.faults))),
            (
                "ratchet_stale_seconds",
                "Seconds since the last refresh without faults",
                lambda: time.time() - pool.refreshed_at,
            ),
            (
                "ratchet_prediction_log_dropped_records",
                "Predictions not written to the prediction log",
                lambda: float(request_log.dropped),
            ),
        ):
            Gauge(name, description, registry=registry).set_function(value)

    @cache  # noqa: B019 - as many as there are protocols and statuses
    def request_counter(self, protocol: str, status: int) -> Counter:
        """Return the counter of requests in `protocol` that were answered with `status`."""
        return self._requests.labels(protocol, status)

    def count_answers(self, route: Route, package: str, seconds: float, rows: int, *, failed: bool) -> None:
        """Count `rows` that `package` scored, or `failed` to score, on `route` in `seconds`."""
        self._row_counter(route, package, failed=failed).inc(rows)
        self._latency_histogram(route).observe(seconds)

    def render(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        self._describe_packages()
        return bytes(generate_latest(self._registry))

    def collect(self) -> list[Metric]:
        """Return all metrics, each with its samples."""
        self._describe_packages()
        return list(self._registry.collect())

    def _describe_packages(self) -> None:
        self._packages.clear()
        if self._pool.ready:
            routing = self._pool.serving.routing
            roles = {"champion": routing.champion, "challenger": routing.challenger, "standby": routing.standby}
            for role, digest in roles.items():
                if digest:
                    self._packages.labels(role, digest).set(1)

    @cache  # noqa: B019 - as many as there are routes and packages
    def _row_counter(self, route: Route, package: str, *, failed: bool) -> Counter:
        return (self._faults if failed else self._answers).labels(route.value, package)

    @cache  # noqa: B019 - as many as there are routes
    def _latency_histogram(self, route: Route) -> Histogram:
        return self._latency.labels(route.value)

    def _canary_share(self) -> float:
        return self._pool.serving.routing.canary if self._pool.ready else 0.0

    def _routing_seq(self) -> float:
        return float(self._pool.serving.routing.seq) if self._pool.ready else 0.0

    def _features_night_seconds(self) -> float:
        snapshot = self._pool.serving.champion.snapshot_store.served if self._pool.ready else None
        night = snapshot.facts.get("night") if snapshot else None
        return datetime.fromisoformat(f"{night}T00:00:00+00:00").timestamp() if night else math.nan


class _Together:
    """The metrics of several models as one registry: the server's own once, the others by `model`."""

    def __init__(self, by_model: Mapping[str, Metrics]) -> None:
        self._by_model = by_model

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for model, each in self._by_model.items():
            for metric in each.collect():
                if metric.name.startswith(_PREFIX):
                    labelled = [sample._replace(labels={**sample.labels, "model": model}) for sample in metric.samples]
                    earlier = families[metric.name].samples if metric.name in families else []
                    families[metric.name] = metric
                    metric.samples = [*earlier, *labelled]
                else:
                    families.setdefault(metric.name, metric)  # of the process
        yield from families.values()


def render_together(by_model: Mapping[str, Metrics]) -> bytes:
    """Return the metrics of several models of one server in Prometheus' text format."""
    return bytes(generate_latest(_Together(by_model)))
