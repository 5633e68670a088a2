"""What each feature service that was ever built means: one small file for each, named by its content."""

import json

from include.settings import Settings
from include.stores.feature_store.services import Service, named
from include.stores.files import atomic
from ml.errors import FeatureError
from ml.features import fingerprints
from ml.features.fingerprints import Declared


def remember(settings: Settings, service: Service) -> None:
    """Write down what the features of `service` mean, unless it is there already."""
    place = settings.feature_store / service.use_case / "services" / f"{service.name}.json"
    if not place.exists():
        atomic.write(place, json.dumps(dict(service.digests), indent=1, sort_keys=True).encode())


def recall(settings: Settings, use_case: str, view: str, name: str) -> Declared:
    """Return what the features of the service `name` mean; raises FeatureError when nobody knows any more."""
    place = settings.feature_store / use_case / "services" / f"{name}.json"
    try:
        digests = json.loads(place.read_bytes())
        known = isinstance(digests, dict) and named(view, fingerprints.version(digests)) == name
    except (OSError, ValueError):
        known = False
    if not known:
        raise FeatureError(
            f"expected {place} to say what the features of {name} mean, but it is not there or was changed: restore it, "
            f"or build those nights again with `ratchet features build {use_case} <nights>`"
        )
    return Declared(service=name, digests=digests)
