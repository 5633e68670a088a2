"""Log trainings as MLflow runs, for people to inspect and compare."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from include.settings import Settings
from include.stores.registry import client
from ml.governance import hash_chain

if TYPE_CHECKING:
    from mlflow import MlflowClient

_CONTENT = "content"
_FINISHED = "FINISHED"


def log_training(
    settings: Settings,
    use_case: str,
    night: date,
    params: Mapping[str, object],
    metrics: Mapping[str, float | None],
    files: Mapping[str, bytes],
) -> str:
    """Log a training and return the id of its run; the same training twice is one run, with the `files` of the last.

    Night, params and metrics identify a training; `files` may differ, for example in durations. Metrics that are None
    or not finite are left out, because MLflow cannot store them. An interrupted run is completed.
    """
    mlflow = client.connect(settings)
    texts = {name: str(value) for name, value in params.items()}
    numbers = {name: float(value) for name, value in metrics.items() if value is not None and math.isfinite(value)}
    content = _digest(night, texts, numbers)
    with client.write_lock(settings):
        experiment = client.experiment_id(mlflow, settings, use_case)
        known = mlflow.search_runs([experiment], f"tags.{_CONTENT} = '{content}'", max_results=1)
        run = known[0] if known else mlflow.create_run(experiment, run_name=str(night), tags={_CONTENT: content})
        run_id = str(run.info.run_id)
        if run.info.status != _FINISHED:
            _log_content(mlflow, run_id, night, texts, numbers)
        _attach(mlflow, run_id, files)
        if run.info.status != _FINISHED:
            mlflow.set_terminated(run_id, _FINISHED)
        return run_id


def read_run_file(settings: Settings, use_case: str, version: str, name: str) -> bytes:
    """Return a file of the run that created a model version; empty when there is none."""
    from mlflow.exceptions import MlflowException

    mlflow = client.connect(settings)
    with TemporaryDirectory() as folder, client.suppress_warnings():
        try:
            run_id = mlflow.get_model_version(use_case, version).run_id
            return Path(mlflow.download_artifacts(run_id, name, folder)).read_bytes()
        except (MlflowException, OSError):
            return b""


def _log_content(
    mlflow: MlflowClient,
    run_id: str,
    night: date,
    params: Mapping[str, str],
    metrics: Mapping[str, float],
) -> None:
    from mlflow.entities import Metric, Param, RunTag

    now = int(time.time() * 1000)
    mlflow.log_batch(
        run_id,
        metrics=[Metric(name, value, now, 0) for name, value in metrics.items()],
        params=[Param(name, value) for name, value in params.items()],
        tags=[RunTag("night", str(night))],
    )


def _attach(mlflow: MlflowClient, run_id: str, files: Mapping[str, bytes]) -> None:
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder, name)
            path.write_bytes(content)
            mlflow.log_artifact(run_id, str(path))


def _digest(night: date, params: Mapping[str, str], metrics: Mapping[str, float]) -> str:
    return hashlib.sha256(hash_chain.canonical_json([str(night), dict(params), dict(metrics)]).encode()).hexdigest()
