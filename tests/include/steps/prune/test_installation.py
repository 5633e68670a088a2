"""Logs go by their age, process logs by their length, and Airflow's records by Airflow's own command."""

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from include.installation import Installation
from include.settings import Settings
from include.steps import airflow_database
from include.steps.prune import installation as step
from ml.errors import SetupError

NOW = datetime(2024, 3, 31, 12, tzinfo=UTC)


def log(path: Path, days: int, content: str = "a line\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    os.utime(path, (moment := (NOW - timedelta(days=days)).timestamp(), moment))
    return path


@pytest.fixture
def place(home: Settings) -> Installation:
    return Installation(settings=home, variables={})


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[list[str], dict[str, str]]]]:
    """The commands that were run, each with its environment; all succeed."""
    called: list[tuple[list[str], dict[str, str]]] = []

    def run(command: list[str], *, env: dict[str, str], **_: object) -> SimpleNamespace:
        called.append((command, env))
        return SimpleNamespace(returncode=0, stdout="", stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    return called


def test_task_logs_go_after_their_days_and_empty_folders_with_them(place: Installation) -> None:
    logs = place.settings.airflow_home / "logs"
    old = log(logs / "dag_id=taxi_score" / "run_id=a" / "1.log", 31)
    young = log(logs / "dag_id=taxi_score" / "run_id=b" / "1.log", 30)
    dry = step.prune(place, NOW, dry_run=True)
    assert old.exists()
    assert step.prune(place, NOW).plans == dry.plans
    assert (dry.plans[0].removed_count, dry.plans[0].total) == (1, 2)
    assert not old.parent.exists()
    assert young.exists()


def test_a_long_process_log_keeps_its_end_and_its_writer_goes_on(
    place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "_LONGEST_LOG", 100)
    monkeypatch.setattr(step, "_KEPT_TAIL", 20)
    long, short = (
        log(place.settings.home / "logs" / "scheduler.log", 0, "x" * 150 + "the end\n"),
        log(place.settings.home / "logs" / "mlflow.log", 0),
    )
    with long.open("ab") as writer:
        step.prune(place, NOW)
        writer.write(b"and on\n")
    assert long.read_text() == "and on\n"
    assert long.with_name("scheduler.log.1").read_text() == "x" * 12 + "the end\n"
    assert short.read_text() == "a line\n"


def test_airflows_records_go_by_its_own_command_also_when_a_task_calls(
    place: Installation, commands: list[tuple[list[str], dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "airflow-db-not-allowed:///")
    log(place.settings.airflow_home / "airflow.db", 0)
    assert step.prune(place, NOW).database_cleaned is True
    ((command, env),) = commands
    assert command[1:5] == ["-m", "airflow", "db", "clean"]
    assert "2024-03-01T12:00:00+00:00" in command
    assert env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{place.settings.airflow_home}/airflow.db"
    assert step.prune(place, NOW, dry_run=True).database_cleaned is False
    assert len(commands) == 1


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({}, None),
        ({"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "airflow-db-not-allowed:///"}, None),
        ({"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://there/airflow"}, "postgresql://there/airflow"),
    ],
)
def test_a_database_that_this_process_may_not_open_is_left_alone(
    home: Settings, variables: dict[str, str], address: str | None
) -> None:
    place = Installation(settings=home, variables=variables)
    assert airflow_database.address(place) == address
    if address is None:
        assert step.prune(place, NOW).database_cleaned is None


def test_a_command_that_fails_says_what_and_why(place: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    log(place.settings.airflow_home / "airflow.db", 0)
    failed = SimpleNamespace(returncode=1, stdout="", stderr="database is locked")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(
        SetupError, match=r"expected `airflow db clean` to succeed .*ended with 1: ...database is locked"
    ):
        step.prune(place, NOW)
