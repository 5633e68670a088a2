"""MLflow clients for the address in the settings, without telemetry, and a lock that allows one writer at a time."""

from __future__ import annotations

import fcntl
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from include.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}


def connect(settings: Settings) -> MlflowClient:
    """Return a client of the MLflow in `settings`; importing MLflow takes about 2 s of CPU."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    import mlflow

    for logger in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(logger).setLevel(logging.WARNING)
    # MLflow's SQL registry looks up logged models at the process-wide address, whatever the client's address is.
    mlflow.set_tracking_uri(settings.mlflow_url)
    mlflow.set_registry_uri(settings.mlflow_url)
    return mlflow.MlflowClient(tracking_uri=settings.mlflow_url, registry_uri=settings.mlflow_url)


def prepare(settings: Settings) -> None:
    """Create or upgrade MLflow's database; a server at an `http` address does this by itself."""
    client = connect(settings)
    with write_lock(settings):
        if not is_server(settings):
            from mlflow import db

            settings.mlflow_artifacts.mkdir(parents=True, exist_ok=True)
            db.upgrade.main([settings.mlflow_url], standalone_mode=False)
        client.search_experiments(max_results=1)


def experiment_id(client: MlflowClient, settings: Settings, use_case: str) -> str:
    """Return the id of the use case's experiment, creating it if needed."""
    existing = client.get_experiment_by_name(use_case)
    if existing is not None:
        return str(existing.experiment_id)
    artifact_location = None if is_server(settings) else (settings.mlflow_artifacts / use_case).resolve().as_uri()
    return str(client.create_experiment(use_case, artifact_location=artifact_location))


@contextmanager
def write_lock(settings: Settings) -> Iterator[None]:
    """Hold a lock among the processes of this machine: concurrent writes to MLflow can overwrite each other."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "mlflow.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def suppress_warnings() -> Iterator[None]:
    """Suppress MLflow's warnings about its own type hints and about missing input examples."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def is_server(settings: Settings) -> bool:
    """Return whether MLflow is a server, and not a database that this process opens."""
    return settings.mlflow_url.startswith(("http://", "https://"))
