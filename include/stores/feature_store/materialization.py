"""Materialize features: copy the newest row of each entity in an explicit window to the online store."""

from datetime import datetime

from include.settings import Settings
from include.stores.feature_store import registry
from include.stores.feature_store.services import Service


def materialize(settings: Settings, service: Service, start: datetime, end: datetime) -> None:
    """Write the features of the entities with a cutoff from `start` to `end` (both included) to the online store.

    Repeating it changes nothing. Raises SetupError when the features as declared now are not applied to the registry.
    """
    registry.check_applied(settings, service)
    with registry.open_store(settings, service.use_case) as store:
        store.materialize(start, end, feature_views=[service.view])
