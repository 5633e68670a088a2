"""Runs, model versions and aliases of one MLflow held against those of another, and brought there over its own client.

A run that was brought bears the id that it had where it was made, a version has the same number: that is how a copy is
known, there and on the way back.
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
from ml.sync_diff import Row

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion

_FROM, _WHOLE = "moved_from", "moved_whole"
_RUN, _VERSION, _ALIAS = "run", "version", "version's alias"  # in the order in which each needs those before it
_BEGUN, _MODEL = "moved_begun", "models:/m-"
_OURS, _PARTS_AT_ONCE = (_FROM, _WHOLE, "mlflow.user", "mlflow.source.name", "mlflow.source.type"), 100


def rows(settings: Settings) -> list[Row]:
    """Return a row for each run, version and alias, each with a digest of all that it says and of all its files.

    A run of which a move brought only a part is none yet. There are none where no MLflow was ever made.
    """
    if not _is_there(settings):
        return []
    mlflow = client.connect(settings)
    with client.quietly():
        runs = _runs(mlflow)
        found = [(_RUN, identity, _run_digest(mlflow, *each)) for identity, each in runs.items() if _is_whole(each[1])]
        versions = [
            (
                _VERSION,
                _numbered(each),
                _version_digest(each, {run.info.run_id: who for who, (_, run) in runs.items()}),
            )
            for each in _versions(mlflow)
        ]
        return sorted([*found, *versions, *_aliases(mlflow)])


def bring(source: Settings, target: Settings, row: Row) -> None:
    """Let the run, version or alias that `row` names be at `target` as it is at `source`; one cut off is completed.

    Raises DataError where a version cannot have the number there that it has here.
    """
    what, name = str(row[0]), str(row[1])
    with TemporaryDirectory() as folder, client.alone(target), client.quietly():
        if what == _RUN:
            _bring_run(source, target, name, Path(folder))
        elif what == _VERSION:
            model, number = name.rsplit("/", 1)
            _bring_version(source, target, model, int(number), Path(folder))
        else:
            model, alias = name.rsplit("/", 1)
            client.connect(target).set_registered_model_alias(model, alias, str(row[2]))


def _is_there(settings: Settings) -> bool:
    """Return whether an MLflow was ever made: to ask its client would make one."""
    url = settings.mlflow_url
    if url.startswith(("http://", "https://")):
        return True
    path = sa.make_url(url).database if url.startswith("sqlite") else None
    if path is not None and not Path(path).is_file():
        return False
    return sa.inspect(warehouse.engine(url)).has_table("experiments")


def _bring_run(source: Settings, target: Settings, identity: str, folder: Path) -> None:
    from mlflow.entities import Metric, Param, RunTag

    here = client.connect(source)
    experiment, run = _runs(here)[identity]
    here.download_artifacts(run.info.run_id, "", str(folder))
    metrics = [each for name in run.data.metrics for each in here.get_metric_history(run.info.run_id, name)]
    there = client.connect(target)
    within = client.experiment(there, target, experiment)
    _, made = _runs(there).get(identity) or (
        experiment,
        there.create_run(within, run.info.start_time, tags={_FROM: identity}, run_name=run.info.run_name),
    )
    made_id = made.info.run_id
    there.log_batch(made_id, params=[Param(*each) for each in run.data.params.items()])
    for at in range(0, len(metrics), _PARTS_AT_ONCE):
        part = metrics[at : at + _PARTS_AT_ONCE]
        there.log_batch(made_id, metrics=[Metric(each.key, each.value, each.timestamp, each.step) for each in part])
    there.log_batch(made_id, tags=[RunTag(*each) for each in run.data.tags.items() if each[0] not in (_FROM, _WHOLE)])
    there.log_artifacts(made_id, str(folder))
    if run.info.end_time is not None:
        there.set_terminated(made_id, run.info.status, run.info.end_time)
    if not _is_whole(made):
        there.set_tag(made_id, _WHOLE, "yes")


def _bring_version(source: Settings, target: Settings, name: str, number: int, folder: Path) -> None:
    here = client.connect(source)
    version = here.get_model_version(name, str(number))
    model = here.get_logged_model(_model_id(version))
    files = _fetched(_model_id(version), folder)
    owner = _identity(here.get_run(version.run_id)) if version.run_id else None
    there = client.connect(target)
    if any((each.name, int(each.version)) == (name, number) for each in _versions(there)):
        for tag in version.tags.items():
            there.set_model_version_tag(name, str(number), *tag)
        return
    owner_id = str(_runs(there)[owner][1].info.run_id) if owner else None
    copied = _brought_model(there, target, here.get_experiment(model.experiment_id).name, model, owner_id)
    there.log_model_artifacts(copied, str(files))
    there.finalize_logged_model(copied, "READY")
    if not there.search_registered_models(f"name = '{name}'"):
        there.create_registered_model(name)
    _number(
        there,
        name,
        number,
        lambda tags: there.create_model_version(
            name, f"models:/{copied}", owner_id, tags, description=version.description, model_id=copied
        ),
    )
    for tag in version.tags.items():
        there.set_model_version_tag(name, str(number), *tag)
    there.delete_model_version_tag(name, str(number), _BEGUN)


def _brought_model(
    there: MlflowClient, target: Settings, experiment: str, model: LoggedModel, owner_id: str | None
) -> str:
    """Return the id of the model at the target that takes the files of `model`, made unless it was begun before."""
    within = client.experiment(there, target, experiment)
    was = model.tags.get(_FROM, model.model_id)
    begun = there.search_logged_models([within], f"tags.{_FROM} = '{was}'")
    if begun:
        return str(begun[0].model_id)
    tags = {**model.tags, _FROM: was}
    return str(there.create_logged_model(within, model.name, owner_id, tags, model.params, model.model_type).model_id)


def _number(there: MlflowClient, name: str, number: int, make: Callable[[dict[str, str]], ModelVersion]) -> None:
    """Let the version `number` be begun; numbers below it are used up, as they are where it comes from."""
    for each in _all_versions(there):
        if each.name == name and _BEGUN in each.tags:
            if int(each.version) == number:
                return
            there.delete_model_version(name, each.version)
    while (made := int(make({_BEGUN: "yes"}).version)) != number:
        there.delete_model_version(name, str(made))
        if made > number:
            raise DataError(
                f"expected to bring {name!r} {number} under that number, but MLflow there has given it away already "
                f"and is at {made}: move to an MLflow in which nothing was registered"
            )


def _runs(mlflow: MlflowClient) -> dict[str, tuple[str, Run]]:
    """Return every run by the id that it had where it was made, with the name of its experiment."""
    experiments = {each.experiment_id: each.name for each in mlflow.search_experiments()}
    found = _find(lambda token: mlflow.search_runs(list(experiments), page_token=token))
    return {_identity(run): (experiments[run.info.experiment_id], run) for run in found}


def _versions(mlflow: MlflowClient) -> list[ModelVersion]:
    """Return the versions that are whole; raises DataError for one that was not registered as ours are."""
    found = [each for each in _all_versions(mlflow) if _BEGUN not in each.tags]
    for each in found:
        if not str(each.source).startswith(_MODEL):
            raise DataError(
                f"expected every version in MLflow to be of a logged model, but {each.name!r} {each.version} is of "
                f"{each.source!r}: move it by hand, and delete it here"
            )
    return found


def _all_versions(mlflow: MlflowClient) -> list[ModelVersion]:
    return list(_find(lambda token: mlflow.search_model_versions(page_token=token)))


def _aliases(mlflow: MlflowClient) -> list[Row]:
    models = {each.name for each in _find(lambda token: mlflow.search_registered_models(page_token=token))}
    told = {name: mlflow.get_registered_model(name).aliases for name in models}
    return [(_ALIAS, f"{name}/{alias}", str(number)) for name, each in told.items() for alias, number in each.items()]


def _find(page: Callable[[str | None], Any]) -> Iterator[Any]:
    token: str | None = None
    while token != "":
        found = page(token)
        yield from found
        token = found.token or ""


def _identity(run: Run) -> str:
    return str(run.data.tags.get(_FROM, run.info.run_id))


def _is_whole(run: Run) -> bool:
    return _FROM not in run.data.tags or _WHOLE in run.data.tags


def _numbered(version: ModelVersion) -> str:
    return f"{version.name}/{int(version.version):06d}"


def _run_digest(mlflow: MlflowClient, experiment: str, run: Run) -> str:
    with TemporaryDirectory() as folder:
        mlflow.download_artifacts(run.info.run_id, "", folder)
        files = _digests(Path(folder))
    history = {name: mlflow.get_metric_history(run.info.run_id, name) for name in run.data.metrics}
    metrics = {name: sorted([each.value, each.timestamp, each.step] for each in told) for name, told in history.items()}
    tags = {name: value for name, value in run.data.tags.items() if name not in _OURS}
    told = [run.info.run_name, run.info.status, run.info.start_time, run.info.end_time]
    return hash_chain.fingerprint([experiment, told, run.data.params, metrics, tags, files])


def _version_digest(version: ModelVersion, identities: dict[str, str]) -> str:
    with TemporaryDirectory() as folder:
        files = _digests(_fetched(_model_id(version), Path(folder)))
    owner = identities.get(version.run_id, version.run_id)
    return hash_chain.fingerprint([version.tags, version.description or "", owner or "", files])


def _model_id(version: ModelVersion) -> str:
    return str(version.source).rpartition("/")[2]


def _fetched(model_id: str, folder: Path) -> Path:
    from mlflow.artifacts import download_artifacts

    return Path(download_artifacts(artifact_uri=f"models:/{model_id}", dst_path=str(folder)))


def _digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
