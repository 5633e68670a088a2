"""Feast's registry: the registered feature services. Only a deployment (`ratchet features apply`) changes it."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.settings import Settings
from include.stores.feature_store import addresses
from include.stores.feature_store.services import Service
from include.stores.files import atomic
from ml.errors import SetupError
from ml.features import CUTOFF, ENTITY
from ml.usecase.safe_names import safe_name

if TYPE_CHECKING:
    from feast import FeatureStore


def apply(settings: Settings, *services: Service) -> list[str]:
    """Register the services of one use case and return the names of those that were new; other services stay.

    Call it only during a deployment: it rewrites the registry, and a DAG that runs at the same time could read a
    partial one.
    """
    new = [each for each in services if not is_applied(settings, each)]
    if new:
        with open_store(settings, new[0].use_case) as store:
            for each in new:
                store.apply(_feast_objects(each))
        for each in new:
            atomic.write(_marker_path(settings, each), _applied_text(settings, each).encode())
    return [each.name for each in new]


def is_applied(settings: Settings, service: Service) -> bool:
    """Return whether `service`, with this version and table, was registered last; does not import Feast."""
    marker = _marker_path(settings, service)
    return marker.exists() and marker.read_text() == _applied_text(settings, service)


def check_applied(settings: Settings, service: Service) -> None:
    """Raise SetupError unless `service` was registered last."""
    if not is_applied(settings, service):
        raise SetupError(
            f"the feature store does not have {service.name}, the features of {service.use_case} as they are declared "
            "now: deploy them with `ratchet features apply`"
        )


@contextmanager
def open_store(settings: Settings, use_case: str) -> "Iterator[FeatureStore]":
    """Yield Feast's store of one use case, which is one Feast project. Warnings of Feast's libraries are suppressed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from feast import FeatureStore, RepoConfig

        folder = settings.feature_store / use_case
        folder.mkdir(parents=True, exist_ok=True)
        config = RepoConfig(
            project=use_case,
            provider="local",
            registry={"registry_type": "file", "path": str(folder / "registry.db"), "cache_ttl_seconds": 0},
            offline_store={"type": "include.stores.feature_store.offline_store.DeltaOfflineStore"},
            online_store=addresses.online_store_config(settings, use_case),
            # Without it Feast writes every row of the window in file order, so an old row could overwrite a newer one.
            materialization={"pull_latest_features": True},
            entity_key_serialization_version=3,
        )
        with addresses.translate_errors(settings):
            yield FeatureStore(config=config)


def _feast_objects(service: Service) -> list[Any]:
    from feast import Entity, FeatureService, FeatureView, Field
    from feast.data_format import DeltaFormat
    from feast.infra.offline_stores.file_source import FileSource
    from feast.types import Float64, String
    from feast.value_type import ValueType

    kinds = {"number": Float64, "text": String}
    entity = Entity(name=ENTITY, join_keys=[ENTITY], value_type=ValueType.STRING)
    source = FileSource(name=service.view, path=service.source, file_format=DeltaFormat(), timestamp_field=CUTOFF)
    view = FeatureView(
        name=service.view,
        entities=[entity],
        source=source,
        ttl=None,
        schema=[
            Field(name=ENTITY, dtype=String),
            *(Field(name=safe_name(name), dtype=kinds[kind]) for name, kind in service.types.items()),
        ],
    )
    tags = {"version": service.version}
    return [entity, view, FeatureService(name=service.name, features=[view], tags=tags)]


def _applied_text(settings: Settings, service: Service) -> str:
    return f"{service.version}\n{service.source}\n{addresses.redacted_url(settings)}\n"


def _marker_path(settings: Settings, service: Service) -> Path:
    return settings.feature_store / service.use_case / f"{service.view}.applied"
