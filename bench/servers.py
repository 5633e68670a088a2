"""Servers of the same package: Ratchet's, MLflow's, and BentoML's in a separate environment."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from include import child_processes

_START_SECONDS, _HERE = 120, Path(__file__).parent
_LOCKED, _BENTOML = _HERE / "requirements-bentoml.txt", Path(sys.prefix) / "bentoml"


@contextmanager
def ratchet(port: int, use_case: str) -> Iterator[None]:
    """Run the model server of `use_case` on `port`."""
    with started([sys.executable, "-m", "include.serving", use_case], port, "/ping", RATCHET_SERVING_PORT=port):
        yield


@contextmanager
def mlflow(port: int, use_case: str, version: str, settings: Any) -> Iterator[None]:
    """Run MLflow's scoring server on `port` with a version of the registry."""
    arguments = ("models", "serve", "-m", f"models:/{use_case}/{version}", "-p", str(port), "--env-manager", "local")
    environment = {"MLFLOW_TRACKING_URI": settings.mlflow_url, "MLFLOW_DISABLE_TELEMETRY": "true"}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with started([sys.executable, "-m", "mlflow", *arguments], port, "/ping", PATH=path, **environment):
        yield


@contextmanager
def bentoml(port: int, digest: str, settings: Any) -> Iterator[None]:
    """Run BentoML's server on `port` with a package and one worker; its environment is created at the first call."""
    python = environment(_BENTOML, _LOCKED)
    arguments = ["-m", "bentoml", "serve", "bench.bento:Scores", "--host", "127.0.0.1", "--port", str(port)]
    variables = {"BENTOML_DO_NOT_TRACK": "true", "BENTO_PACKAGE": str(settings.packages / digest)}
    with started([str(python), *arguments], port, "/readyz", **variables):
        yield


def environment(folder: Path, locked: Path) -> Path:
    """Return the Python of an environment in `folder` with the hash-locked requirements `locked`; create it if missing."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "uv", "venv", "-q", str(folder)], check=True)
    options = ["--require-hashes", "--python", str(python), str(locked)]
    subprocess.run([sys.executable, "-m", "uv", "pip", "sync", "-q", *options], check=True)
    return python


@contextmanager
def started(command: list[str], port: int, ready: str, **overrides: object) -> Iterator[None]:
    """Run a server until the block ends, which begins once the server's path `ready` has status 200.

    `overrides` are environment variables. Raises AssertionError when the server ends or does not start.
    """
    variables = os.environ | {name: str(value) for name, value in overrides.items()}
    process = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(f"http://127.0.0.1:{port}{ready}"):
            assert process.poll() is None, f"{command} ended"
            assert time.monotonic() < deadline, f"{command} did not start"
            time.sleep(0.2)
        yield
    finally:
        child_processes.end(process)


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
