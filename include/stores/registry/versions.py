"""Packages as MLflow model versions. Their alias and stages follow the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from include import provenance
from include.settings import PROJECT, Settings
from include.stores import ledger, packages, warehouse
from include.stores.registry import client
from ml.arrays import Floats
from ml.errors import DataError, LedgerError, PackageError
from ml.governance.ledger_entries import EntryKind

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import ModelSignature

ALIAS = "champion"
DIGEST = "digest"
STAGE = "stage"
_EXPLAIN = "explain"  # the option of `include/serving/pyfunc.py`
_MODEL_CODE = PROJECT / "include" / "serving" / "pyfunc.py"


def register(
    settings: Settings,
    use_case: str,
    digest: str,
    files: Mapping[str, bytes],
    example: pd.DataFrame,
    tags: Mapping[str, str] | None = None,
    run_id: str | None = None,
) -> str:
    """Register the package `digest` and return its model version; a digest is registered only once.

    `example` is a frame of features; its columns become the signature. Raises PackageError when `files` are not the
    package, and DataError when a column has a dtype without an MLflow type.
    """
    packages.check(digest, files)
    types = _types(example)
    mlflow = client.connect(settings)
    with client.write_lock(settings), client.suppress_warnings():
        known = [version for version in all_of(mlflow, use_case) if version.tags.get(DIGEST) == digest]
        if known:
            return str(known[0].version)
        experiment = client.experiment_id(mlflow, settings, use_case)
        model_id = _log(mlflow, experiment, run_id, digest, files, _signature(types))
        if not mlflow.search_registered_models(f"name = '{use_case}'"):
            mlflow.create_registered_model(use_case)
        version_tags = dict(tags or {}) | {DIGEST: digest, STAGE: "Staging"}
        created = mlflow.create_model_version(
            use_case, f"models:/{model_id}", run_id, tags=version_tags, model_id=model_id
        )
        return str(created.version)


def sync_with_ledger(settings: Settings, use_case: str) -> tuple[str, ...]:
    """Set the alias `champion` and the stages as the ledger decided; return a sentence for each change.

    The champion is in Production, later versions that were never promoted are in Staging, all others Archived. Raises
    LedgerError when the champion has no version.
    """
    engine = warehouse.engine(settings.warehouse_url)
    promoted = {entry.subject for entry in ledger.entries(engine, use_case, EntryKind.PROMOTED)}
    promotion = ledger.champion(engine, use_case)
    mlflow = client.connect(settings)
    with client.write_lock(settings):
        versions = all_of(mlflow, use_case)
        champion = next((v for v in versions if promotion and v.tags.get(DIGEST) == promotion.subject), None)
        if promotion and champion is None:
            raise LedgerError(
                f"the ledger says that package {promotion.subject[:12]} is champion of {use_case!r}, but MLflow has no "
                "version of it; register it again from the package store"
            )
        changes = [_set_stage(mlflow, version, _expected_stage(version, champion, promoted)) for version in versions]
        changes.append(_set_alias(mlflow, use_case, champion, versions))
    return tuple(change for change in changes if change)


def aliased_digests(settings: Settings, use_case: str) -> set[str]:
    """Return the digests of the packages that an alias points to."""
    mlflow = client.connect(settings)
    if not mlflow.search_registered_models(f"name = '{use_case}'"):
        return set()
    aliased_versions = {str(version) for version in mlflow.get_registered_model(use_case).aliases.values()}
    versions = all_of(mlflow, use_case)
    return {str(v.tags.get(DIGEST, f"version {v.version}")) for v in versions if str(v.version) in aliased_versions}


def predict(settings: Settings, use_case: str, version: str, frame: pd.DataFrame) -> Floats:
    """Return the predictions of a version loaded by MLflow, whose model code runs in this process."""
    import numpy as np

    client.connect(settings)
    with client.suppress_warnings():
        from mlflow import pyfunc

        return np.asarray(pyfunc.load_model(f"models:/{use_case}/{version}").predict(frame), np.float64)


def _types(example: pd.DataFrame) -> dict[str, str]:
    """Return MLflow's type of each column; its own inference drops the whole signature over one unsupported column."""
    known = {"float64": "double", "category": "string", "bool": "boolean"}
    kinds = {str(name): str(kind) for name, kind in example.dtypes.items()}
    wrong = {name: kind for name, kind in kinds.items() if kind not in known}
    if wrong:
        raise DataError(f"features are float64, category or bool, but the example has {wrong}; convert them first")
    return {name: known[kind] for name, kind in kinds.items()}


def _signature(types: Mapping[str, str]) -> ModelSignature:
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

    columns: list[ColSpec | TensorSpec] = [ColSpec(kind, name) for name, kind in types.items()]
    return ModelSignature(
        inputs=Schema(columns),
        outputs=Schema([TensorSpec(np.dtype("float64"), (-1,))]),
        params=ParamSchema([ParamSpec(_EXPLAIN, "long", 0)]),  # MLflow ignores an option that it does not know
    )


def _log(
    mlflow: MlflowClient,
    experiment: str,
    run_id: str | None,
    digest: str,
    files: Mapping[str, bytes],
    signature: ModelSignature,
) -> str:
    """Store the package as an MLflow model and return its id; raises PackageError when MLflow changed the signature."""
    from mlflow import pyfunc
    from mlflow.models import get_model_info

    with TemporaryDirectory() as folder:
        package = packages.put(Path(folder), digest, files)
        pyfunc.save_model(
            Path(folder, "model"),
            python_model=str(_MODEL_CODE),
            artifacts={"package": str(package)},
            model_config={DIGEST: digest},
            signature=signature,
            pip_requirements=[
                f"{name}=={metadata.version(name)}" for name in ("mlflow", *provenance.serving_libraries())
            ],
        )
        model = mlflow.create_logged_model(experiment, source_run_id=run_id, tags={DIGEST: digest})
        mlflow.log_model_artifacts(model.model_id, str(Path(folder, "model")))
    mlflow.finalize_logged_model(model.model_id, "READY")
    stored = get_model_info(f"models:/{model.model_id}").signature
    if stored != signature:
        raise PackageError(f"MLflow stored package {digest[:12]} with the signature {stored}, expected {signature}")
    return str(model.model_id)


def all_of(mlflow: MlflowClient, use_case: str) -> list[ModelVersion]:
    """Return the model versions of the use case, by number."""
    versions: list[ModelVersion] = []
    token = None
    while token != "":
        page = mlflow.search_model_versions(f"name = '{use_case}'", page_token=token)
        versions.extend(page)
        token = page.token or ""
    return sorted(versions, key=lambda version: int(version.version))


def _expected_stage(version: ModelVersion, champion: ModelVersion | None, promoted: set[str]) -> str:
    if champion is not None and version.version == champion.version:
        return "Production"
    is_newer = champion is None or int(version.version) > int(champion.version)
    return "Staging" if is_newer and version.tags.get(DIGEST) not in promoted else "Archived"


def _set_stage(mlflow: MlflowClient, version: ModelVersion, stage: str) -> str:
    before = version.tags.get(STAGE)
    if before == stage:
        return ""
    mlflow.set_model_version_tag(version.name, str(version.version), STAGE, stage)
    return f"version {version.version} was in {before}, now in {stage}"


def _set_alias(mlflow: MlflowClient, use_case: str, champion: ModelVersion | None, versions: list[ModelVersion]) -> str:
    if not versions:
        return ""
    before = mlflow.get_registered_model(use_case).aliases.get(ALIAS)
    after = str(champion.version) if champion else None
    if (before and str(before)) == after:
        return ""
    if after is None:
        mlflow.delete_registered_model_alias(use_case, ALIAS)
    else:
        mlflow.set_registered_model_alias(use_case, ALIAS, after)
    return f"the alias {ALIAS!r} was on version {before}, now on {after}"
