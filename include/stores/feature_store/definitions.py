"""What each feature service that was ever built means: one small file for each, named by its content."""

import json

from include.settings import Settings
from include.stores.feature_store.services import Service, service_name
from include.stores.files import atomic
from ml.errors import FeatureError
from ml.features import fingerprints
from ml.features.fingerprints import FeatureFingerprints


def save_definitions(settings: Settings, service: Service) -> None:
    """Write down what the features of `service` mean, unless it is there already."""
    path = settings.feature_store / service.use_case / "services" / f"{service.name}.json"
    if not path.exists():
        atomic.write(path, json.dumps(dict(service.digests), indent=1, sort_keys=True).encode())


def load_definitions(settings: Settings, use_case: str, view: str, name: str) -> FeatureFingerprints:
    """Return what the features of the service `name` mean; raises FeatureError when nobody knows any more."""
    path = settings.feature_store / use_case / "services" / f"{name}.json"
    try:
        digests = json.loads(path.read_bytes())
        known = isinstance(digests, dict) and service_name(view, fingerprints.combined_digest(digests)) == name
    except (OSError, ValueError):
        known = False
    if not known:
        raise FeatureError(
            f"expected {path} to say what the features of {name} mean, but it is not there or was changed: restore it, "
            f"or build those nights again with `ratchet features build {use_case} <nights>`"
        )
    return FeatureFingerprints(service=name, digests=digests)
