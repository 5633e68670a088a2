"""What the model servers took is asked of Prometheus: of a real one where there is one, and what it may answer."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from include import child_processes, ports
from include.serving import child_server
from include.settings import Settings
from include.steps.context import NightContext
from include.steps.monitor import host_metrics
from include.stores import warehouse
from ml.usecase import UseCase
from tests.listener import ReceivedRequest, Reply, listening
from tests.waiting import eventually

NIGHT = date(2024, 3, 18)


@contextmanager
def answering(status: int, body: str) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Give an address that answers everything alike, and what was asked of it."""
    asked: list[dict[str, str]] = []

    def answer(request: ReceivedRequest) -> Reply:
        asked.append(dict(parse_qsl(urlsplit(request.path).query)))
        return status, body.encode()

    with listening(answer) as address:
        yield address, asked


def vector(**values: float) -> str:
    result = [{"metric": {"instance": name}, "value": [1710745200, str(value)]} for name, value in values.items()]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})


def rows(case: UseCase, settings: Settings, night: date = NIGHT) -> dict[tuple[str, str], float | None]:
    result = warehouse.metrics(warehouse.engine(settings.warehouse_url), case.name, night, night)
    return {(each.slice, each.metric): each.value for each in result}


def test_each_server_has_its_rows_and_all_together_theirs(taxi: UseCase, home: Settings) -> None:
    with answering(200, vector(a=1.5, b=2.5)) as (address, asked):
        for _ in range(2):
            host_metrics.measure(NightContext(case=taxi, night=NIGHT, settings=replace(home, prometheus_url=address)))
    assert rows(taxi, home) == {
        **{("server=a", name): 1.5 for name in ("cpu_cores", "memory_mb", "requests_failed")},
        **{("server=b", name): 2.5 for name in ("cpu_cores", "memory_mb", "requests_failed")},
        ("all", "cpu_cores"): 4.0,
        ("all", "memory_mb"): 2.5,
        ("all", "requests_failed"): 4.0,
    }
    assert {float(each["time"]) for each in asked} == {taxi.schedule.cutoff(NIGHT).timestamp()}
    assert all("[86400s]" in each["query"] and f'name="{taxi.name}"' in each["query"] for each in asked)


def test_of_a_night_that_no_server_saw_there_is_nothing(taxi: UseCase, home: Settings) -> None:
    with answering(200, vector()) as (address, _):
        host_metrics.measure(NightContext(case=taxi, night=NIGHT, settings=replace(home, prometheus_url=address)))
    assert rows(taxi, home) == {}


def test_nobody_is_asked_where_no_address_is_given(taxi: UseCase, home: Settings) -> None:
    host_metrics.measure(NightContext(case=taxi, night=NIGHT, settings=home))
    assert (rows(taxi, home), warehouse.alerts(warehouse.engine(home.warehouse_url), taxi.name, NIGHT)) == ({}, ())


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(503, "", id="not ready"),
        pytest.param(200, "<html>a proxy's login</html>", id="somebody else"),
        pytest.param(200, '{"status": "success"}', id="another form"),
    ],
)
def test_a_prometheus_that_does_not_answer_is_an_alert_and_the_night_goes_on(
    taxi: UseCase, home: Settings, status: int, body: str
) -> None:
    with answering(status, body) as (address, _):
        host_metrics.measure(NightContext(case=taxi, night=NIGHT, settings=replace(home, prometheus_url=address)))
    (alert,) = warehouse.alerts(warehouse.engine(home.warehouse_url), taxi.name, NIGHT)
    assert (alert.kind, alert.subject) == ("metrics_unavailable", "servers")
    assert alert.message.startswith(f"expected Prometheus to answer at {address}, but: ")
    assert rows(taxi, home) == {}


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs Prometheus, e.g. Debian's")
def test_a_real_prometheus_tells_of_the_servers_of_this_use_case_alone(
    taxi: UseCase, home: Settings, tmp_path: Path
) -> None:
    pages = {
        taxi.name: f'ratchet_use_case{{name="{taxi.name}"}} 1\nprocess_resident_memory_bytes 9e7\n',
        "ferry": 'ratchet_use_case{name="ferry"} 1\nprocess_resident_memory_bytes 5e8\n',
    }
    common = 'process_cpu_seconds_total 3\nratchet_requests_total{status="500"} 2\n'
    with (
        answering(200, pages[taxi.name] + common) as (ours, _),
        answering(200, pages["ferry"] + common) as (theirs, _),
        prometheus(tmp_path, [each.removeprefix("http://") for each in (ours, theirs)]) as address,
    ):
        asked = replace(home, prometheus_url=address)
        hour = datetime.now(UTC).hour
        case = replace(taxi, horizons=(replace(taxi.schedule, hour=hour, timezone="UTC"),))
        tonight = datetime.now(UTC).date() + timedelta(days=1)  # its day has the last seconds in it

        def measured() -> dict[tuple[str, str], float | None] | None:
            host_metrics.measure(NightContext(case=case, night=tonight, settings=asked))
            stored = rows(case, home, tonight)
            return stored if len(stored) >= 6 else None

        result = eventually(measured, seconds=120)
    assert result[f"server={ours.removeprefix('http://')}", "memory_mb"] == 90.0
    assert {name for _, name in result} >= {"memory_mb", "cpu_cores", "requests_failed"}
    assert result["all", "memory_mb"] == 90.0


@contextmanager
def prometheus(folder: Path, targets: list[str]) -> Iterator[str]:
    """Give the address of a Prometheus that reads `targets` every second, until the end of the `with`."""
    config = folder / "prometheus.yaml"
    scrape = {"job_name": "ratchet", "scrape_interval": "1s", "static_configs": [{"targets": targets}]}
    config.write_text(json.dumps({"scrape_configs": [scrape]}))
    address = f"127.0.0.1:{ports.free_port('127.0.0.1')}"
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={address}",
        "--log.level=error",
    ]
    process = subprocess.Popen(command)
    try:
        with httpx.Client(trust_env=False) as client:
            child_server.wait_until(lambda: _ready(client, f"http://{address}/-/ready"), "Prometheus to be ready")
        yield f"http://{address}"
    finally:
        child_processes.end(process)


def _ready(client: httpx.Client, address: str) -> bool:
    try:
        return client.get(address).is_success
    except httpx.TransportError:
        return False
