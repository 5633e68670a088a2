"""Read features through Feast: the newest values from the online store, or point-in-time values from Delta tables."""

from collections.abc import Sequence

import pandas as pd

from include.settings import Settings
from include.stores.feature_store import registry
from include.stores.feature_store.services import Service
from ml.features import CUTOFF, ENTITY
from ml.usecase.safe_names import safe_name

_EVENT_TIMESTAMP = "event_timestamp"


def online(settings: Settings, service: Service, entities: Sequence[str]) -> pd.DataFrame:
    """Return the online features of those `entities` that are in the online store, each with its cutoff."""
    registry.check_applied(settings, service)
    with registry.open_store(settings, service.use_case) as store:
        entity_rows = [{ENTITY: entity} for entity in entities]
        response = store.get_online_features(store.get_feature_service(service.name), entity_rows)
        values = response.to_dict(include_event_timestamps=True)
    first = safe_name(next(iter(service.types)))
    rows = pd.DataFrame({ENTITY: values[ENTITY], **{name: values[safe_name(name)] for name in service.types}})
    rows[CUTOFF] = pd.to_datetime(pd.Series(values[f"{first}__ts"]), unit="s", utc=True)
    return _typed(rows[pd.Series(values[f"{first}__ts"]) > 0], service)


def historical(settings: Settings, service: Service, moments: "pd.Series[pd.Timestamp]") -> pd.DataFrame:
    """Return the features of each entity (the index of `moments`) as of its moment (UTC), joined by Feast itself."""
    registry.check_applied(settings, service)
    entity_rows = pd.DataFrame({ENTITY: moments.index, _EVENT_TIMESTAMP: moments.to_numpy()})
    entity_rows[_EVENT_TIMESTAMP] = pd.to_datetime(entity_rows[_EVENT_TIMESTAMP], utc=True)
    with registry.open_store(settings, service.use_case) as store:
        rows = store.get_historical_features(entity_rows, store.get_feature_service(service.name)).to_df()
    return _typed(rows.rename(columns={safe_name(name): name for name in service.types}), service)


def _typed(rows: pd.DataFrame, service: Service) -> pd.DataFrame:
    """Return the rows by entity, with numbers as float64 and texts as objects."""
    types = {name: "float64" if kind == "number" else "object" for name, kind in service.types.items()}
    return rows.astype(types).set_index(ENTITY)
