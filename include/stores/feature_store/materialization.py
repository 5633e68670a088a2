"""Materialisation: the newest row of each entity goes online, by explicit windows."""

from datetime import datetime

from include.settings import Settings
from include.stores.feature_store import registry
from include.stores.feature_store.services import Service


def materialize(settings: Settings, service: Service, start: datetime, end: datetime) -> None:
    """Put online what the entities decided from `start` to `end` (both included) have; doing it again changes nothing.

    Raises SetupError when the features as they are declared now were never deployed.
    """
    registry.check_applied(settings, service)
    with registry.open_store(settings, service.use_case) as store:
        store.materialize(start, end, feature_views=[service.view])
