"""A driver of the toy use case, and the toy Airflow that it drives."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from include import demo, ports
from include.demo import DemoRun, airflow
from include.platform.local import airflow_client as rest
from include.platform.local.airflow_client import Client
from include.platform.local.processes import LocalStack
from include.settings import Settings
from ml.usecase import UseCase
from tests.include.demo.toy import STARTED, Toy
from tests.rest import serving


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    """An Airflow in which nothing has happened yet, and a driver that waits for nothing."""
    monkeypatch.setattr(airflow, "_POLL_SECONDS", 0.0)
    monkeypatch.setattr(rest, "_SETTLE", timedelta(0))
    return Toy()


@pytest.fixture
def driver(toy: Toy, taxi: UseCase, home: Settings) -> Iterator[Callable[[], DemoRun]]:
    """A function that returns a rehearsal of the toy use case on the toy Airflow."""
    stack = LocalStack(settings=home, token="none", task_port=0, processes={}, started=STARTED)
    with serving(home, toy), Client(home) as client:
        yield lambda: DemoRun(taxi, stack, client, lambda _: None, taxi.schedule.nights(demo.demo_nights(taxi)))


@pytest.fixture
def home(home: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a home whose Airflow has a port of its own."""
    from include.settings import load_settings

    monkeypatch.setenv("RATCHET_AIRFLOW_PORT", str(ports.free_port("127.0.0.1")))
    load_settings.cache_clear()
    return load_settings()
