"""A real server that receives metrics over OpenTelemetry's protocol (OTLP)."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.listener import ReceivedRequest, Reply, listening


@dataclass
class Collector:
    """The URL to send metrics to, and the names of the metrics received."""

    url: str = ""
    names: set[str] = field(default_factory=set)


@contextmanager
def collecting() -> Iterator[Collector]:
    """Receive metrics on a free port until the block ends."""
    collector = Collector()

    def collect(request: ReceivedRequest) -> Reply:
        is_packed = request.headers["Content-Encoding"] == "gzip"
        export = ExportMetricsServiceRequest.FromString(gzip.decompress(request.body) if is_packed else request.body)
        scopes = [scope for resource in export.resource_metrics for scope in resource.scope_metrics]
        collector.names |= {each.name for scope in scopes for each in scope.metrics}
        return 200, b""

    with listening(collect) as address:
        collector.url = f"{address}/v1/metrics"
        yield collector
