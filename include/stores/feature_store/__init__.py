"""The feature store, on Feast: the registered features with their versions, and their newest values online.

Importing Feast takes seconds of CPU, so functions import it when they need it. `Service` does not need it.
"""

from include.stores.feature_store import online_rows
from include.stores.feature_store.addresses import has_online_store
from include.stores.feature_store.definitions import load_definitions, save_definitions
from include.stores.feature_store.materialization import materialize
from include.stores.feature_store.registry import apply, check_applied, is_applied
from include.stores.feature_store.retrieval import historical, online
from include.stores.feature_store.services import Service

__all__ = [
    "Service",
    "apply",
    "check_applied",
    "has_online_store",
    "historical",
    "is_applied",
    "load_definitions",
    "materialize",
    "online",
    "online_rows",
    "save_definitions",
]
