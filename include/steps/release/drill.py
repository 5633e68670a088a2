"""A rollback rehearsed: how long a server takes to answer with the model to go back to, on a server of the drill's own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from include import settings, usecases
from include.settings import PROJECT, Settings
from include.stack import setup
from include.steps import standing
from include.stores import ledger, routes, warehouse
from include.stores.warehouse import Alert, Metric
from ml.errors import SetupError
from ml.routing import Routing
from ml.usecase import UseCase

BAR_SECONDS = 2.0
SECONDS = "rollback_seconds"
_START_SECONDS, _POLL_SECONDS = 120.0, 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Drilled:
    """How many seconds lay between the routing of the rollback and the first answer by the model gone back to."""

    digest: str
    seconds: float


def drill(use_case: str) -> Drilled | None:
    """Roll a server of the drill's own back and return how long that took; None where there is nothing to go back to.

    Nobody's traffic is touched. The time is recorded as a metric, and one above the bar raises an alert. Raises SetupError
    when the server does not start, or never follows.
    """
    case, where = usecases.get(use_case), settings.load()
    stood = standing.now(case, where)
    if stood.champion is None or stood.standby is None:
        return None
    before = Routing(use_case=case.name, seq=1, champion=stood.champion, standby=stood.standby)
    with TemporaryDirectory() as folder, _server(case, replace(where, routes=Path(folder)), before) as address:
        _wait(address, case, stood.champion, _START_SECONDS)
        started = time.monotonic()
        routes.publish(replace(before, seq=2, champion=stood.standby), replace(where, routes=Path(folder)))
        _wait(address, case, stood.standby, _START_SECONDS)
        drilled = Drilled(digest=stood.standby, seconds=time.monotonic() - started)
    _record(case, drilled, where)
    return drilled


@contextmanager
def _server(case: UseCase, where: Settings, routing: Routing) -> Iterator[str]:
    routes.publish(routing, where)
    port = setup.free_port(where.host)
    environment = {
        "RATCHET_HOME": str(where.home),
        "RATCHET_ROUTES": str(where.routes),
        "RATCHET_JOURNAL": str(where.routes),
        "RATCHET_SERVING_HOST": where.host,
        "RATCHET_SERVING_PORT": str(port),
    }
    command = [sys.executable, "-m", "include.serving", case.name]
    process = subprocess.Popen(command, cwd=PROJECT, env=os.environ | environment)
    try:
        yield f"http://{where.host}:{port}/v2/models/{case.name}"
    finally:
        process.terminate()
        process.wait()


def _wait(address: str, case: UseCase, digest: str, seconds: float) -> None:
    """Wait until the server answers with the package `digest`."""
    deadline = time.monotonic() + seconds
    while not _answers(address, digest):
        if time.monotonic() > deadline:
            raise SetupError(
                f"expected a server of {case.name} to answer with {digest[:12]} within {seconds:g} s: see its log"
            )
        time.sleep(_POLL_SECONDS)


def _answers(address: str, digest: str) -> bool:
    try:
        told = httpx.get(address, trust_env=False)
    except httpx.TransportError:
        return False
    return told.status_code == 200 and told.json()["versions"] == [digest]


def _record(case: UseCase, drilled: Drilled, where: Settings) -> None:
    engine = warehouse.engine(where.warehouse_url)
    crowned = ledger.champion(engine, case.name)
    assert crowned is not None
    assert crowned.night is not None
    night = standing.latest(case, crowned.night, where)
    metric = Metric(
        use_case=case.name,
        night=night,
        model_digest=drilled.digest,
        slice="all",
        metric=SECONDS,
        value=drilled.seconds,
        n=1,
    )
    warehouse.record_metrics(engine, [metric])
    if drilled.seconds > BAR_SECONDS:
        message = (
            f"a rollback took {drilled.seconds:.1f} s in a drill, more than {BAR_SECONDS:g} s: see docs/release.md"
        )
        warehouse.raise_alert(
            engine, Alert(use_case=case.name, night=night, kind="drill", subject=drilled.digest, message=message)
        )
