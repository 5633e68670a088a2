"""Remove runs and model versions from MLflow, with their artifacts: by night, or all of a use case.

MLflow first marks runs and models as deleted; `mlflow gc` then removes them and their files. Where MLflow is a server,
only the server's operator can run `mlflow gc`, so that runs stay marked until then.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from include.settings import Settings
from include.stores.files import object_trees
from include.stores.registry import client
from include.stores.registry.versions import DIGEST

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion

_NIGHT, _PACKAGE = "night", "package"


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisteredRun:
    """A run of a training: its night, the package that it made ("" if none), and the size of its local artifacts.

    `started` is in POSIX seconds.
    """

    run_id: str
    night: date
    started: float
    package: str
    size_bytes: int


def runs(settings: Settings, use_case: str) -> tuple[RegisteredRun, ...]:
    """Return the runs of the use case, those that are marked as deleted included, oldest first."""
    mlflow = client.connect(settings)
    registered = [_registered(each) for each in _runs(mlflow, use_case)]
    return tuple(sorted(registered, key=lambda each: (each.night, each.run_id)))


def version_sizes(settings: Settings, use_case: str) -> Mapping[str, int]:
    """Return the size in bytes of the local artifacts of each registered package, by its digest."""
    mlflow = client.connect(settings)
    registered = {str(each.tags.get(DIGEST)) for each in _versions(mlflow, use_case)}
    sizes: dict[str, int] = {}
    for each in _models(mlflow, use_case):
        if (digest := str(each.tags.get(DIGEST))) in registered:
            sizes[digest] = sizes.get(digest, 0) + _local_size(each.artifact_location)
    return sizes


def remove_packages(settings: Settings, use_case: str, digests: Iterable[str]) -> None:
    """Remove the model versions of the packages `digests` and their models."""
    wanted = set(digests)
    mlflow = client.connect(settings)
    with client.write_lock(settings), client.suppress_warnings():
        for each in _versions(mlflow, use_case):
            if each.tags.get(DIGEST) in wanted:
                mlflow.delete_model_version(use_case, str(each.version))
        _delete_models(mlflow, use_case, wanted)
        _collect_garbage(settings, mlflow, use_case, ())


def remove_runs(settings: Settings, use_case: str, run_ids: Iterable[str]) -> None:
    """Remove runs and their artifacts; those that are gone already are skipped."""
    wanted = set(run_ids)
    mlflow = client.connect(settings)
    with client.write_lock(settings), client.suppress_warnings():
        present = [each for each in _runs(mlflow, use_case) if each.info.run_id in wanted]
        for each in present:
            if each.info.lifecycle_stage != "deleted":
                mlflow.delete_run(each.info.run_id)
        _collect_garbage(settings, mlflow, use_case, tuple(str(each.info.run_id) for each in present))


def remove_use_case(settings: Settings, use_case: str) -> int:
    """Remove everything of the use case, its registered model last, and return the number of versions and runs.

    The experiment, which has no runs any more, stays, because MLflow does not let its name be used again.
    """
    mlflow = client.connect(settings)
    versions = _versions(mlflow, use_case)
    run_ids = [each.run_id for each in runs(settings, use_case)]
    remove_packages(settings, use_case, [str(each.tags.get(DIGEST)) for each in versions])
    remove_runs(settings, use_case, run_ids)
    with client.write_lock(settings), client.suppress_warnings():
        if mlflow.search_registered_models(f"name = '{use_case}'"):
            mlflow.delete_registered_model(use_case)
    return len(versions) + len(run_ids)


def _delete_models(mlflow: MlflowClient, use_case: str, digests: set[str]) -> None:
    for each in list(_models(mlflow, use_case)):
        if each.tags.get(DIGEST) in digests:
            mlflow.delete_logged_model(each.model_id)


def _models(mlflow: MlflowClient, use_case: str) -> Iterator[LoggedModel]:
    experiment = mlflow.get_experiment_by_name(use_case)
    token: str | None = None
    while experiment is not None and token != "":
        page = mlflow.search_logged_models([experiment.experiment_id], page_token=token)
        yield from page
        token = page.token or ""


def _collect_garbage(settings: Settings, mlflow: MlflowClient, use_case: str, run_ids: tuple[str, ...]) -> None:
    """Remove the runs `run_ids` and all models of the use case that are marked as deleted, with their files."""
    if client.is_server(settings):
        return
    models = _deleted_models(mlflow, use_case)
    if not run_ids and not models:
        return
    from mlflow import cli

    store: Any = mlflow._tracking_client.store
    with contextlib.redirect_stdout(io.StringIO()):
        # The function behind `mlflow gc`: the command itself takes an empty list of runs to mean all deleted runs.
        cli._gc_tracking_resources(
            store, list(run_ids), None, list(models), None, 0, skip_experiments=True, skip_logged_models=False
        )


def _deleted_models(mlflow: MlflowClient, use_case: str) -> tuple[str, ...]:
    """Return the models of the use case that are marked as deleted; MLflow's client does not list them."""
    store: Any = mlflow._tracking_client.store
    experiment = mlflow.get_experiment_by_name(use_case)
    if experiment is None or not hasattr(store, "_get_deleted_logged_models"):
        return ()
    own = {
        model_id
        for model_id in store._get_deleted_logged_models()
        if str(store.get_logged_model(model_id, allow_deleted=True).experiment_id) == str(experiment.experiment_id)
    }
    return tuple(sorted(own))


def _runs(mlflow: MlflowClient, use_case: str) -> Iterator[Run]:
    from mlflow.entities import ViewType

    experiment = mlflow.get_experiment_by_name(use_case)
    token: str | None = None
    while experiment is not None and token != "":
        page = mlflow.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL, page_token=token)
        yield from page
        token = page.token or ""


def _versions(mlflow: MlflowClient, use_case: str) -> list[ModelVersion]:
    from include.stores.registry import versions

    return versions.all_of(mlflow, use_case)


def _registered(run: Run) -> RegisteredRun:
    night, started = run.data.tags.get(_NIGHT), run.info.start_time / 1000
    return RegisteredRun(
        run_id=str(run.info.run_id),
        night=date.fromisoformat(night) if night else datetime.fromtimestamp(started, UTC).date(),
        started=started,
        package=str(run.data.params.get(_PACKAGE, "")),
        size_bytes=_local_size(run.info.artifact_uri),
    )


def _local_size(uri: str | None) -> int:
    """Return the size of the files below a local address; 0 for a remote one."""
    parts = urlsplit(uri or "")
    folder = Path(unquote(parts.path))
    return sum(object_trees.sizes(folder).values()) if parts.scheme in ("", "file") and folder.is_dir() else 0
