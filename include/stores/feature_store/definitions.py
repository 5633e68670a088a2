"""The feature fingerprints of every feature service that was ever built: one small file each, named by its content."""

import json

from include.settings import Settings
from include.stores.feature_store.services import Service, service_name
from include.stores.files import atomic
from ml.errors import FeatureError
from ml.features import fingerprints
from ml.features.fingerprints import FeatureFingerprints


def save_definitions(settings: Settings, service: Service) -> None:
    """Store the feature fingerprints of `service`, unless they are stored already."""
    path = settings.feature_store / service.use_case / "services" / f"{service.name}.json"
    if not path.exists():
        atomic.write(path, json.dumps(dict(service.digests), indent=1, sort_keys=True).encode())


def load_definitions(settings: Settings, use_case: str, view: str, name: str) -> FeatureFingerprints:
    """Return the stored fingerprints of the service `name`; raises FeatureError when the file is missing or changed."""
    path = settings.feature_store / use_case / "services" / f"{name}.json"
    try:
        digests = json.loads(path.read_bytes())
        known = isinstance(digests, dict) and service_name(view, fingerprints.combined_digest(digests)) == name
    except (OSError, ValueError):
        known = False
    if not known:
        raise FeatureError(
            f"expected {path} to have the feature fingerprints of {name}, but it is not there or was changed: restore "
            f"it, or build those nights again with `ratchet features build {use_case} <nights>`"
        )
    return FeatureFingerprints(service=name, digests=digests)
