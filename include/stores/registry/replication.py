"""Compare the runs, model versions and aliases of two MLflow installations, and copy them with MLflow's client.

A copied run is tagged with its original id, and a copied version has its original number. Copies are recognized by
these, also when they are copied back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from include.settings import Settings
from include.stores import warehouse
from include.stores.registry import client
from ml.errors import DataError
from ml.governance import hash_chain
from ml.governance.sync_diff import Row

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion

_SOURCE_ID_TAG, _COMPLETE_TAG = "moved_from", "moved_whole"
_RUN, _VERSION, _ALIAS = "run", "version", "version's alias"  # each refers to those before it; copied in this order
_IN_PROGRESS_TAG, _LOGGED_MODEL_PREFIX = "moved_begun", "models:/m-"
_IGNORED_TAGS, _METRICS_PER_BATCH = (
    (_SOURCE_ID_TAG, _COMPLETE_TAG, "mlflow.user", "mlflow.source.name", "mlflow.source.type"),
    100,
)


def rows(settings: Settings) -> list[Row]:
    """Return a row (kind, name, value) for each run, version and alias, sorted.

    The value of a run or version is a digest of its content and files; that of an alias is its version number. Runs
    that were copied only in part are left out. Without an MLflow there are no rows.
    """
    if not _exists(settings):
        return []
    mlflow = client.connect(settings)
    with client.suppress_warnings():
        runs = _runs(mlflow)
        run_rows = [
            (_RUN, identity, _run_digest(mlflow, *each)) for identity, each in runs.items() if _is_complete(each[1])
        ]
        versions = [
            (
                _VERSION,
                _version_key(each),
                _version_digest(each, {run.info.run_id: who for who, (_, run) in runs.items()}),
            )
            for each in _versions(mlflow)
        ]
        return sorted([*run_rows, *versions, *_aliases(mlflow)])


def copy(source: Settings, target: Settings, row: Row) -> None:
    """Copy the run, version or alias that `row` names from `source` to `target`; an interrupted copy is completed.

    Raises DataError when a version cannot get the same number at the target.
    """
    kind, name = str(row[0]), str(row[1])
    with TemporaryDirectory() as folder, client.write_lock(target), client.suppress_warnings():
        if kind == _RUN:
            _copy_run(source, target, name, Path(folder))
        elif kind == _VERSION:
            model, number = name.rsplit("/", 1)
            _copy_version(source, target, model, int(number), Path(folder))
        else:
            model, alias = name.rsplit("/", 1)
            client.connect(target).set_registered_model_alias(model, alias, str(row[2]))


def remove(target: Settings, row: Row) -> None:
    """Remove the run, version or alias that `row` names from `target`; its source pruned it."""
    kind, name = str(row[0]), str(row[1])
    with client.write_lock(target), client.suppress_warnings():
        mlflow = client.connect(target)
        if kind == _RUN:
            mlflow.delete_run(_runs(mlflow)[name][1].info.run_id)
        elif kind == _VERSION:
            model, number = name.rsplit("/", 1)
            mlflow.delete_model_version(model, str(int(number)))
        else:
            mlflow.delete_registered_model_alias(*name.rsplit("/", 1))


def _exists(settings: Settings) -> bool:
    """Return whether there is an MLflow; its own client would create one."""
    url = settings.mlflow_url
    if url.startswith(("http://", "https://")):
        return True
    path = sa.make_url(url).database if url.startswith("sqlite") else None
    if path is not None and not Path(path).is_file():
        return False
    return sa.inspect(warehouse.engine(url)).has_table("experiments")


def _copy_run(source: Settings, target: Settings, identity: str, folder: Path) -> None:
    from mlflow.entities import Metric, Param, RunTag

    source_client = client.connect(source)
    experiment, run = _runs(source_client)[identity]
    source_client.download_artifacts(run.info.run_id, "", str(folder))
    metrics = [each for name in run.data.metrics for each in source_client.get_metric_history(run.info.run_id, name)]
    target_client = client.connect(target)
    experiment_id = client.experiment_id(target_client, target, experiment)
    _, target_run = _runs(target_client).get(identity) or (
        experiment,
        target_client.create_run(
            experiment_id, run.info.start_time, tags={_SOURCE_ID_TAG: identity}, run_name=run.info.run_name
        ),
    )
    target_run_id = target_run.info.run_id
    target_client.log_batch(target_run_id, params=[Param(*each) for each in run.data.params.items()])
    for start in range(0, len(metrics), _METRICS_PER_BATCH):
        part = metrics[start : start + _METRICS_PER_BATCH]
        target_client.log_batch(
            target_run_id, metrics=[Metric(each.key, each.value, each.timestamp, each.step) for each in part]
        )
    target_client.log_batch(
        target_run_id,
        tags=[RunTag(*each) for each in run.data.tags.items() if each[0] not in (_SOURCE_ID_TAG, _COMPLETE_TAG)],
    )
    target_client.log_artifacts(target_run_id, str(folder))
    if run.info.end_time is not None:
        target_client.set_terminated(target_run_id, run.info.status, run.info.end_time)
    if not _is_complete(target_run):
        target_client.set_tag(target_run_id, _COMPLETE_TAG, "yes")


def _copy_version(source: Settings, target: Settings, name: str, number: int, folder: Path) -> None:
    source_client = client.connect(source)
    version = source_client.get_model_version(name, str(number))
    model = source_client.get_logged_model(_model_id(version))
    files = _download_model(_model_id(version), folder)
    owner = _source_id(source_client.get_run(version.run_id)) if version.run_id else None
    target_client = client.connect(target)
    if any((each.name, int(each.version)) == (name, number) for each in _versions(target_client)):
        for tag in version.tags.items():
            target_client.set_model_version_tag(name, str(number), *tag)
        return
    owner_id = str(_runs(target_client)[owner][1].info.run_id) if owner else None
    model_id = _copy_model(
        target_client, target, source_client.get_experiment(model.experiment_id).name, model, owner_id
    )
    target_client.log_model_artifacts(model_id, str(files))
    target_client.finalize_logged_model(model_id, "READY")
    if not target_client.search_registered_models(f"name = '{name}'"):
        target_client.create_registered_model(name)
    _claim_version_number(
        target_client,
        name,
        number,
        lambda tags: target_client.create_model_version(
            name, f"models:/{model_id}", owner_id, tags, description=version.description, model_id=model_id
        ),
    )
    for tag in version.tags.items():
        target_client.set_model_version_tag(name, str(number), *tag)
    target_client.delete_model_version_tag(name, str(number), _IN_PROGRESS_TAG)


def _copy_model(
    target_client: MlflowClient, target: Settings, experiment: str, model: LoggedModel, owner_id: str | None
) -> str:
    """Return the id of the copy of `model` at the target, creating it unless an earlier attempt did."""
    experiment_id = client.experiment_id(target_client, target, experiment)
    source_model_id = model.tags.get(_SOURCE_ID_TAG, model.model_id)
    existing = target_client.search_logged_models([experiment_id], f"tags.{_SOURCE_ID_TAG} = '{source_model_id}'")
    if existing:
        return str(existing[0].model_id)
    tags = {**model.tags, _SOURCE_ID_TAG: source_model_id}
    return str(
        target_client.create_logged_model(
            experiment_id, model.name, owner_id, tags, model.params, model.model_type
        ).model_id
    )


def _claim_version_number(
    target_client: MlflowClient, name: str, number: int, make: Callable[[dict[str, str]], ModelVersion]
) -> None:
    """Create the version `number`. MLflow numbers versions itself, so lower numbers are created and deleted first."""
    for each in _all_versions(target_client):
        if each.name == name and _IN_PROGRESS_TAG in each.tags:
            if int(each.version) == number:
                return
            target_client.delete_model_version(name, each.version)
    while (created := int(make({_IN_PROGRESS_TAG: "yes"}).version)) != number:
        target_client.delete_model_version(name, str(created))
        if created > number:
            raise DataError(
                f"expected to copy {name!r} {number} under that number, but the target MLflow has used it already "
                f"and is at {created}: migrate to an MLflow without registered models"
            )


def _runs(mlflow: MlflowClient) -> dict[str, tuple[str, Run]]:
    """Return every run by its original id, with the name of its experiment."""
    experiments = {each.experiment_id: each.name for each in mlflow.search_experiments()}
    runs = _all_pages(lambda token: mlflow.search_runs(list(experiments), page_token=token))
    return {_source_id(run): (experiments[run.info.experiment_id], run) for run in runs}


def _versions(mlflow: MlflowClient) -> list[ModelVersion]:
    """Return the complete versions; raises DataError for a version that Ratchet did not register."""
    versions = [each for each in _all_versions(mlflow) if _IN_PROGRESS_TAG not in each.tags]
    for each in versions:
        if not str(each.source).startswith(_LOGGED_MODEL_PREFIX):
            raise DataError(
                f"expected every version in MLflow to be of a logged model, but {each.name!r} {each.version} is of "
                f"{each.source!r}: copy it by hand, and delete it here"
            )
    return versions


def _all_versions(mlflow: MlflowClient) -> list[ModelVersion]:
    return list(_all_pages(lambda token: mlflow.search_model_versions(page_token=token)))


def _aliases(mlflow: MlflowClient) -> list[Row]:
    models = {each.name for each in _all_pages(lambda token: mlflow.search_registered_models(page_token=token))}
    aliases = {name: mlflow.get_registered_model(name).aliases for name in models}
    return [
        (_ALIAS, f"{name}/{alias}", str(number)) for name, each in aliases.items() for alias, number in each.items()
    ]


def _all_pages(page: Callable[[str | None], Any]) -> Iterator[Any]:
    token: str | None = None
    while token != "":
        items = page(token)
        yield from items
        token = items.token or ""


def _source_id(run: Run) -> str:
    return str(run.data.tags.get(_SOURCE_ID_TAG, run.info.run_id))


def _is_complete(run: Run) -> bool:
    return _SOURCE_ID_TAG not in run.data.tags or _COMPLETE_TAG in run.data.tags


def _version_key(version: ModelVersion) -> str:
    return f"{version.name}/{int(version.version):06d}"


def _run_digest(mlflow: MlflowClient, experiment: str, run: Run) -> str:
    with TemporaryDirectory() as folder:
        mlflow.download_artifacts(run.info.run_id, "", folder)
        files = _digests(Path(folder))
    history = {name: mlflow.get_metric_history(run.info.run_id, name) for name in run.data.metrics}
    metrics = {
        name: sorted([each.value, each.timestamp, each.step] for each in attributes)
        for name, attributes in history.items()
    }
    tags = {name: value for name, value in run.data.tags.items() if name not in _IGNORED_TAGS}
    attributes = [run.info.run_name, run.info.status, run.info.start_time, run.info.end_time]
    return hash_chain.fingerprint([experiment, attributes, run.data.params, metrics, tags, files])


def _version_digest(version: ModelVersion, identities: dict[str, str]) -> str:
    with TemporaryDirectory() as folder:
        files = _digests(_download_model(_model_id(version), Path(folder)))
    owner = identities.get(version.run_id, version.run_id)
    return hash_chain.fingerprint([version.tags, version.description or "", owner or "", files])


def _model_id(version: ModelVersion) -> str:
    return str(version.source).rpartition("/")[2]


def _download_model(model_id: str, folder: Path) -> Path:
    from mlflow.artifacts import download_artifacts

    return Path(download_artifacts(artifact_uri=f"models:/{model_id}", dst_path=str(folder)))


def _digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
