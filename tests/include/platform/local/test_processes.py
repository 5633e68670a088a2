"""Processes are ended by their token: all that carry it, and nothing else."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from include.platform.local import processes, setup
from include.settings import Settings
from include.steps import bootstrap
from ml.errors import SetupError

FAMILY = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import os, time; os.setsid(); time.sleep(60)"])
print("ready", flush=True)
time.sleep(60)
"""


def family(token: str) -> subprocess.Popen[bytes]:
    """Start a process that ignores SIGTERM and has a child in a session of its own."""
    env = os.environ | {"RATCHET_PROCESS_TOKEN": token}
    parent = subprocess.Popen([sys.executable, "-c", FAMILY], env=env, stdout=subprocess.PIPE, start_new_session=True)
    assert parent.stdout is not None
    parent.stdout.readline()
    parent.stdout.close()
    return parent


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with the stack under test."""
    other = family("another stack's token")
    yield other
    processes._terminate("another stack's token")
    other.wait()


@pytest.fixture
def ready(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that are set up, without a database: the processes under test are no Airflow."""
    monkeypatch.setattr(setup, "migrate_airflow", lambda *_: None)
    monkeypatch.setattr(bootstrap, "prepare_stores", lambda _: None)
    return settings


def test_down_ends_the_whole_tree_and_nothing_else(
    ready: Settings, bystander: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_GRACE_SECONDS", 0.5)
    setup.prepare(ready)
    parent = family("token")
    processes._write_record(ready, "token", detached=True)
    assert processes.down(ready) == 2
    parent.wait()
    assert not psutil.pid_exists(parent.pid)
    assert list(processes._processes_with_token("token")) == []
    assert bystander.poll() is None
    assert processes.down(ready) == 0


def test_a_stack_whose_driver_died_is_ended_by_the_next(ready: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_GRACE_SECONDS", 0.5)
    setup.prepare(ready)
    parent = family("orphans")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    processes.atomic.write(
        ready.home / "stack.json", f'{{"token": "orphans", "driver": {gone.pid}, "driver_started": 1.0}}'.encode()
    )
    processes._end_orphans(ready)
    parent.wait()
    assert not psutil.pid_exists(parent.pid)


def test_a_stack_that_somebody_answers_for_is_not_taken_over(ready: Settings) -> None:
    setup.prepare(ready)
    parent = family("in use")
    processes._write_record(ready, "in use", detached=False)
    try:
        with pytest.raises(SetupError, match="a stack already runs in .*make down"):
            processes.start(ready)
        assert parent.poll() is None
    finally:
        processes._terminate("in use")
        parent.wait()


@pytest.mark.parametrize("variable", ["RATCHET_AIRFLOW_PORT", "RATCHET_SERVING_PORT"])
def test_a_taken_port_starts_nothing(ready: Settings, variable: str) -> None:
    with socket.socket() as other:
        other.bind((ready.host, int(os.environ[variable])))
        other.listen()
        with pytest.raises(SetupError, match=variable):
            processes.start(ready, served="taxi")
    assert not (ready.home / "stack.json").exists()


def test_mlflow_starts_after_its_database_was_made_as_both_would_make_it(
    ready: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    spawn = processes._spawn

    def record(settings: Settings, name: str, *rest: Any) -> subprocess.Popen[bytes]:
        order.append(name)
        return spawn(settings, name, *rest)

    monkeypatch.setattr(processes, "_spawn", record)
    monkeypatch.setattr(processes.registry, "prepare", lambda _: order.append("its database"))
    for command in ("_airflow_command", "_mlflow_command"):
        monkeypatch.setattr(processes, command, lambda *_: [sys.executable, "-c", ""])
    processes.start(ready, components=["scheduler"], mlflow=True).stop()
    assert order == ["scheduler", "its database", "mlflow"]


def test_a_process_that_ends_by_itself_is_told_with_the_end_of_its_log(
    ready: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [sys.executable, "-c", "raise SystemExit('the database is gone')"]
    monkeypatch.setattr(processes, "_airflow_command", lambda *_: broken)
    stack = processes.start(ready, components=["scheduler"])
    try:
        with pytest.raises(SetupError, match=r"the scheduler ended by itself(?s:.*)the database is gone"):
            stack.wait_until_healthy(timeout=20)
    finally:
        stack.stop()
    assert not (ready.home / "stack.json").exists()


def test_a_process_that_never_answers_is_told_after_the_timeout(
    ready: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        processes, "_airflow_command", lambda *_: [sys.executable, "-c", "import time; time.sleep(600)"]
    )
    stack = processes.start(ready, components=["api-server"])
    with pytest.raises(SetupError, match="the api-server was not healthy within 1 s"):
        stack.wait_until_healthy(timeout=1)
    stack.stop()
    assert not any(psutil.pid_exists(process.pid) for process in stack.processes.values())
