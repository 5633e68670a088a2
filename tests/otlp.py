"""A real address that takes metrics by OpenTelemetry's protocol, and which were told there."""

import gzip
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest


@dataclass
class Collector:
    """Where to send to, and the names of the metrics that came."""

    url: str = ""
    names: set[str] = field(default_factory=set)


@contextmanager
def collecting() -> Iterator[Collector]:
    """Take metrics on a free port until the end of the `with`."""
    collector = Collector()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told = ExportMetricsServiceRequest.FromString(
                gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body
            )
            collector.names |= {
                each.name
                for resource in told.resource_metrics
                for scope in resource.scope_metrics
                for each in scope.metrics
            }
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        collector.url = f"http://127.0.0.1:{server.server_port}/v1/metrics"
        yield collector
        server.shutdown()
