"""Airflow's own database: where it is, and its maintenance by Airflow's own commands, each in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from include.installation import Installation
from include.settings import PROJECT
from ml.errors import SetupError

_ADDRESS, _HOME = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW_HOME"
_BLOCKED = "airflow-db-not-allowed"  # what a task finds in place of the address
_FROM_A_TASK = (_ADDRESS, "AIRFLOW__CORE__SQL_ALCHEMY_CONN", "_AIRFLOW_PROCESS_CONTEXT")
_SECONDS, _SHOWN = 600, 400
_DELETE_DAGS = """
import sys
from airflow.api.common.delete_dag import delete_dag
from airflow.exceptions import DagNotFound
for dag_id in sys.argv[1:]:
    try:
        delete_dag(dag_id)
    except DagNotFound:
        pass
"""


def address(installation: Installation) -> str | None:
    """Return the URL of Airflow's database; None if Airflow never ran here, or if this process may not know it."""
    given = installation.variables.get(_ADDRESS, "")
    if given and not given.startswith(_BLOCKED):
        return given
    embedded = Path(installation.settings.airflow_home, "airflow.db")
    return f"sqlite:///{embedded}" if embedded.is_file() else None


def dag_ids(use_case: str) -> list[str]:
    """Return the ids of the DAGs that a use case, or one of its models, can have."""
    return [f"{use_case}_{path.stem}" for path in sorted((PROJECT / "dags").glob("*.py"))]


def clean(installation: Installation, before: datetime) -> bool:
    """Remove from Airflow's database what is older than `before`, with `airflow db clean`; return whether there is one.

    Raises SetupError, with the end of its output, when the command fails.
    """
    moment = before.isoformat(timespec="seconds")
    command = ["-m", "airflow", "db", "clean", "--clean-before-timestamp", moment, "--skip-archive", "--yes"]
    return _run(installation, command, "airflow db clean")


def delete_dags(installation: Installation, dag_ids: Sequence[str]) -> bool:
    """Delete all records of the DAGs, as `airflow dags delete` does; return whether there is a database.

    Raises SetupError when the command fails, for example because a task of one of them runs.
    """
    return _run(installation, ["-c", _DELETE_DAGS, *dag_ids], "airflow dags delete")


def _run(installation: Installation, arguments: Sequence[str], name: str) -> bool:
    url = address(installation)
    if url is None:
        return False
    inherited = {key: value for key, value in os.environ.items() if key not in _FROM_A_TASK}
    environment = inherited | {
        _ADDRESS: url,
        _HOME: str(installation.settings.airflow_home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode:
        raise SetupError(
            f"expected `{name}` to succeed on {installation.settings.airflow_home}, but it ended with "
            f"{done.returncode}: ...{(done.stdout + done.stderr)[-_SHOWN:].strip()}"
        )
    return True
