"""A part of Airflow lives when Airflow says so."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from include.compose import health

TOLD = {"scheduler": {"status": "healthy"}, "triggerer": {"status": "unhealthy"}, "dag_processor": {"status": None}}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        pytest.param("scheduler", "", id="one that lives"),
        pytest.param("triggerer", "expected triggerer to be healthy, Airflow says unhealthy", id="one that does not"),
        pytest.param(
            "dag_processor", "expected dag_processor to be healthy, Airflow says nothing of it", id="one never seen"
        ),
        pytest.param("gateway", "expected gateway to be healthy, Airflow says nothing of it", id="one that is none"),
    ],
)
def test_a_part_is_as_airflow_says(part: str, expected: str) -> None:
    assert health.fault(part, TOLD) == expected


def test_an_airflow_that_does_not_answer_is_a_sentence() -> None:
    with pytest.raises(SystemExit, match="127.0.0.1:1: .*refused"):
        health.main("scheduler", "http://127.0.0.1:1")


def test_airflow_is_asked() -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(TOLD).encode())

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        health.main("scheduler", address)
        with pytest.raises(SystemExit, match="unhealthy"):
            health.main("triggerer", address)
        server.shutdown()
