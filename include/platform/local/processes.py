"""Start and stop the processes of the local stack; stopping ends all of them, and no others.

Every process of a stack, and every child process, has a random token in its environment. Stopping a stack ends the
processes with its token. A process that merely reuses a process id does not have it.
"""

import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import httpx
import psutil  # type: ignore[import-untyped]

from include import child_processes, ports
from include.patience import Patience
from include.platform.local import airflow_objects, environment, model_server, setup
from include.platform.local.airflow_client import Client
from include.platform.local.model_server import ModelServer
from include.settings import Settings
from include.steps import bootstrap
from include.stores import registry
from include.stores.files import atomic
from ml.errors import SetupError

_PROCESS_MARKER = "RATCHET_PROCESS_TOKEN"
_GRACE_SECONDS = 4.0
# Tasks report to a separate API server. With a shared one, SQLite and Airflow 3.3 occasionally deadlock for 5 s: a
# user's request waits for the database and blocks the event loop that a task's request needs to release the database.
AIRFLOW_COMPONENTS = ("api-server", "task-api", "scheduler", "dag-processor", "triggerer")
_HEARTBEAT_COMPONENTS = ("scheduler", "dag-processor", "triggerer")


def _hide(_: str) -> None:
    """Show nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StackRecord:
    """The content of `stack.json`: a running stack's token, and its driver process, None for a detached stack."""

    token: str
    driver: int | None
    driver_started: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalStack:
    """A running stack: its processes by name, its start time, and the model server among them, if there is one."""

    settings: Settings
    token: str
    task_port: int
    processes: dict[str, subprocess.Popen[bytes]]
    started: datetime
    model_server: ModelServer | None = None

    def check_alive(self) -> None:
        """Raise SetupError, with the end of the log, when one of the processes has ended."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise _failure(self.settings, name, f"ended by itself (exit code {process.returncode})")

    def wait_until_healthy(self, timeout: float = 180.0, show: Callable[[str], None] = _hide) -> None:
        """Create the stores and Airflow's objects, and wait until every process answers or sends heartbeats.

        Raises SetupError, with the end of a process's log, when it ends or is not healthy within `timeout` seconds of a
        quiet machine. `show` is called with what is waited for.
        """
        show("databases are prepared")
        bootstrap.prepare_stores(self.settings)
        patience = Patience(timeout)
        with httpx.Client(timeout=30, trust_env=False) as http:  # only one client: setting up TLS takes long
            while missing := self._unhealthy(http):
                show(f"waiting for {', '.join(missing)}")
                self.check_alive()
                if patience.is_spent():
                    raise _failure(self.settings, missing[0], f"was not healthy within {timeout:.0f} s ({patience})")
                time.sleep(0.3)
        show("pools and variables are set")
        with Client(self.settings) as client:
            airflow_objects.apply(client)

    def _unhealthy(self, http: httpx.Client) -> list[str]:
        api_server = f"{environment.base_url(self.settings)}/api/v2/monitor/health"
        answers = {"api-server": _get_json(http, api_server), "task-api": _get_json(http, f"{self._task_url}health")}
        if "mlflow" in self.processes:
            mlflow = f"http://{self.settings.host}:{self.settings.mlflow_port}"
            answers["mlflow"] = _get_json(http, f"{mlflow}/api/3.0/mlflow/server-info")
        if self.model_server is not None:
            answers[model_server.NAME] = _get_json(http, f"{self.model_server.address}/healthz")
        missing = [name for name in self.processes if answers.get(name, "") is None]
        health = answers["api-server"] or {}
        return missing or [
            n
            for n in _HEARTBEAT_COMPONENTS
            if n in self.processes and not self._has_heartbeat(health, n.replace("-", "_"))
        ]

    @property
    def _task_url(self) -> str:
        return environment.task_url(self.settings, self.task_port)

    def _has_heartbeat(self, health: dict[str, dict[str, str | None]], component: str) -> bool:
        heartbeat = health.get(component, {}).get(f"latest_{component}_heartbeat")
        return bool(heartbeat) and datetime.fromisoformat(str(heartbeat)) >= self.started

    def stop(self) -> None:
        """End every process of this stack, with SIGTERM first, and delete its record."""
        _terminate(self.token, leaders=[process.pid for process in self.processes.values()])
        for process in self.processes.values():
            child_processes.end(process)  # only reaps it, unless its environment could not be read: then it still runs
        _record_path(self.settings).unlink(missing_ok=True)


def _get_json(http: httpx.Client, url: str) -> Any:
    with contextlib.suppress(httpx.HTTPError, ValueError):
        return http.get(url).raise_for_status().json()
    return None


def start(
    settings: Settings,
    *,
    schedules: bool = True,
    components: Sequence[str] = AIRFLOW_COMPONENTS,
    mlflow: bool = False,
    served: str | None = None,
    detached: bool = False,
) -> LocalStack:
    """Start the stack and return it before it is healthy; first end a stack whose driver died.

    `schedules=False` is for demo runs: no DAG starts by the wall clock. The use case `served` gets a model server,
    which answers once there is a champion. A `detached` stack survives this process and runs until `down`. Raises
    SetupError when a port is taken, or when another stack uses the same RATCHET_HOME.
    """
    _end_orphans(settings)
    keys = setup.prepare(settings).airflow
    ports.check_port(settings.host, settings.airflow_port, "RATCHET_AIRFLOW_PORT")
    if mlflow:
        ports.check_port(settings.host, settings.mlflow_port, "RATCHET_MLFLOW_PORT")
    server = None if served is None else model_server.configure(served)
    if server is not None:
        ports.check_port(server.host, server.port, model_server.PORT_VARIABLE)
    task_port = ports.free_port(settings.host)
    commands = {name: _airflow_command(settings, name, task_port) for name in components}
    others = {} if server is None else {model_server.NAME: server.command}
    if mlflow:
        others["mlflow"] = _mlflow_command(settings)
    token = secrets.token_hex(16)
    airflow = environment.airflow(settings, keys, task_port=task_port, schedules=schedules)
    plain = environment.child_environment(settings)  # without Airflow's keys
    stack = LocalStack(
        settings=settings,
        token=token,
        task_port=task_port,
        processes={},
        started=datetime.now(UTC),
        model_server=server,
    )
    with setup.explain_os_errors(settings):
        _write_record(settings, token, detached=detached)
        try:
            for name, command in commands.items():
                stack.processes[name] = _spawn(settings, name, command, airflow | {_PROCESS_MARKER: token})
            if mlflow:
                registry.prepare(settings)  # a server that finds no database creates it, too, and both would fail
            for name, command in others.items():
                stack.processes[name] = _spawn(settings, name, command, plain | {_PROCESS_MARKER: token})
        except BaseException:
            stack.stop()
            raise
    return stack


def down(settings: Settings) -> int:
    """End the stack that uses this RATCHET_HOME, whoever started it, and return the number of processes ended."""
    record = _read_record(settings)
    if record is None:
        return 0
    ended = _terminate(record.token)
    _record_path(settings).unlink(missing_ok=True)
    return ended


def passwords(settings: Settings) -> dict[str, str]:
    """Return the demo users' passwords for Airflow's login page."""
    by_user: dict[str, str] = json.loads(environment.passwords_file(settings).read_text())
    return by_user


def _airflow_command(settings: Settings, name: str, task_port: int) -> list[str]:
    api = ["api-server", "--host", settings.host, "--workers", "1"]
    arguments = {
        "api-server": [*api, "--port", str(settings.airflow_port), "--apps", "core"],
        "task-api": [*api, "--port", str(task_port), "--apps", "execution"],
        "scheduler": ["scheduler", "--skip-serve-logs"],
        "dag-processor": ["dag-processor"],
        "triggerer": ["triggerer", "--skip-serve-logs"],
    }
    return [sys.executable, "-m", "airflow", *arguments[name]]


def _mlflow_command(settings: Settings) -> list[str]:
    listen_options = ["--host", settings.host, "--port", str(settings.mlflow_port), "--workers", "1"]
    store_options = [
        "--backend-store-uri",
        settings.mlflow_url,
        "--artifacts-destination",
        str(settings.mlflow_artifacts),
    ]
    return [sys.executable, "-m", "mlflow", "server", *listen_options, *store_options]


def _spawn(settings: Settings, name: str, command: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
    with _log(settings, name).open("ab") as out:
        return _popen(command, env, out, settings.airflow_home)


def _popen(command: list[str], env: dict[str, str], out: IO[bytes], folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env=env,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _log(settings: Settings, name: str) -> Path:
    return settings.home / "logs" / f"{name}.log"


def _failure(settings: Settings, name: str, problem: str) -> SetupError:
    log = _log(settings, name)
    return SetupError(f"the {name} {problem}; the end of {log}:\n{setup.tail(log)}")


def _record_path(settings: Settings) -> Path:
    return settings.home / "stack.json"


def _write_record(settings: Settings, token: str, *, detached: bool) -> None:
    record = StackRecord(
        token=token,
        driver=None if detached else os.getpid(),
        driver_started=None if detached else psutil.Process().create_time(),
    )
    atomic.write(_record_path(settings), json.dumps(asdict(record)).encode())


def _read_record(settings: Settings) -> StackRecord | None:
    try:
        return StackRecord(**json.loads(_record_path(settings).read_text()))
    except FileNotFoundError:
        return None


def _end_orphans(settings: Settings) -> None:
    """End the processes of a stack whose driver died; raises SetupError when the stack is still in use."""
    record = _read_record(settings)
    if record is None:
        return
    if any(True for _ in _processes_with_token(record.token)) and (record.driver is None or _is_alive(record)):
        raise SetupError(
            f"a stack already runs in {settings.home}: end it with `make down`, or choose another RATCHET_HOME"
        )
    down(settings)


def _is_alive(record: StackRecord) -> bool:
    try:
        return bool(psutil.Process(record.driver).create_time() == record.driver_started)
    except psutil.NoSuchProcess:
        return False


def _processes_with_token(token: str) -> Iterable[psutil.Process]:
    """Yield the processes whose environment carries the token."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(_PROCESS_MARKER) == token:
                yield process


def _terminate(token: str, leaders: Iterable[int] | None = None) -> int:
    """End all processes with the token and return their number; leaders get SIGTERM, all others are killed at once.

    A scheduler that gets SIGTERM waits for its tasks. Since they are killed, the next scheduler retries them at once.
    """
    processes = list(_processes_with_token(token))
    signalled = {*leaders} if leaders is not None else {p.pid for p in processes if _is_leader(p)}
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.pid in signalled:
                process.terminate()
            else:
                process.kill()
    psutil.wait_procs(processes, timeout=_GRACE_SECONDS)
    while remaining := [p for p in _processes_with_token(token) if p.status() != psutil.STATUS_ZOMBIE]:
        for process in remaining:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(remaining, timeout=1)
    return len(processes)


def _is_leader(process: psutil.Process) -> bool:
    return os.getsid(process.pid) == os.getpgid(process.pid) == int(process.pid)
