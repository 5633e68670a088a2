"""Run a model server as a child process, for as long as a context is open."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from include import child_processes, ports
from include.patience import Patience
from include.settings import PROJECT, Settings
from ml.errors import SetupError

_SECONDS, _POLL_SECONDS = 120.0, 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningServer:
    """A running server: its address and its process."""

    address: str
    process: "subprocess.Popen[bytes]"


@contextmanager
def run_server(
    use_case: str, settings: Settings, *, port: int | None = None, **overrides: object
) -> Iterator[RunningServer]:
    """Start a model server with the routing, packages and snapshots of `settings`, and stop it on exit.

    `overrides` are fields of `ServingConfig`. It listens on `port`, or on a free port. Raises SetupError when the
    server ends or does not answer during its start.
    """
    port = port or ports.free_port(settings.host)
    address = f"http://{settings.host}:{port}"
    environment = {f"RATCHET_SERVING_{name.upper()}": str(value) for name, value in overrides.items()}
    environment |= {
        "RATCHET_HOME": str(settings.home),
        "RATCHET_PACKAGES": str(settings.packages),
        "RATCHET_TRUSTED_KEYS": str(settings.trusted_keys),
        "RATCHET_ROUTES": str(settings.routes),
        "RATCHET_PREDICTION_LOG": str(settings.prediction_log),
        "RATCHET_FEATURE_STORE": str(settings.feature_store),
    }
    environment |= {
        "RATCHET_SERVING_HOST": settings.host,
        "RATCHET_SERVING_PORT": str(port),
        "PYTHONPATH": str(PROJECT),
    }
    command = [sys.executable, "-m", "include.serving", use_case]
    process = subprocess.Popen(command, cwd=PROJECT, env=os.environ | environment)
    try:
        with httpx.Client(base_url=address, trust_env=False) as client:  # reused: setting up TLS is slow
            wait_until(lambda: process.poll() is not None or _is_live(client), f"a server of {use_case} to answer")
        if process.poll() is not None:
            raise SetupError(f"the server of {use_case} ended with code {process.returncode}: its output is above")
        yield RunningServer(address=address, process=process)
    finally:
        child_processes.end(process)


def wait_until(done: Callable[[], bool], what: str) -> None:
    """Return once `done()` is true; raises SetupError that names `what` when it takes too long for this machine."""
    patience = Patience(_SECONDS)
    while not done():
        if patience.is_spent():
            raise SetupError(f"{patience} without success for {what}: the output of its process, above, may say why")
        time.sleep(_POLL_SECONDS)


def _is_live(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False
