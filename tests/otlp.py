"""A real address that takes metrics by OpenTelemetry's protocol, and which were told there."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.listener import Heard, Reply, listening


@dataclass
class Collector:
    """Where to send to, and the names of the metrics that came."""

    url: str = ""
    names: set[str] = field(default_factory=set)


@contextmanager
def collecting() -> Iterator[Collector]:
    """Take metrics on a free port until the end of the `with`."""
    collector = Collector()

    def take(sent: Heard) -> Reply:
        packed = sent.headers["Content-Encoding"] == "gzip"
        told = ExportMetricsServiceRequest.FromString(gzip.decompress(sent.body) if packed else sent.body)
        scopes = [scope for resource in told.resource_metrics for scope in resource.scope_metrics]
        collector.names |= {each.name for scope in scopes for each in scope.metrics}
        return 200, b""

    with listening(take) as address:
        collector.url = f"{address}/v1/metrics"
        yield collector
