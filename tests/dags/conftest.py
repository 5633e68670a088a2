"""The shipped DAG files, read once by a real Airflow on a database of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from include.settings import PROJECT


@pytest.fixture(scope="session")
def airflow_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an Airflow that reads the shipped DAG files and nothing else."""
    home = tmp_path_factory.mktemp("airflow")
    return os.environ | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": str(PROJECT),
    }


Reader = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def reader(airflow_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """A function that says what the DAG files declare, with more folders of use cases, and what reading them cost."""

    def read(*folders: Path, schedules: str = "on") -> dict[str, Any]:
        out = tmp_path_factory.mktemp("read") / "dags.json"
        program = Path(__file__).with_name("reader.py")
        done = subprocess.run(
            [sys.executable, program, out, *folders],
            env=airflow_environment | {"RATCHET_SCHEDULES": schedules},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        result: dict[str, Any] = json.loads(out.read_text())
        return result

    return read


@pytest.fixture(scope="session")
def read(reader: Reader) -> dict[str, Any]:
    """What the DAG files declare, and what reading them cost."""
    return reader()
