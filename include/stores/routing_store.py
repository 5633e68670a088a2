"""Which packages a server answers with, for each use case: one signed file that follows the ledger."""

import json
from pathlib import Path

from include.settings import Settings
from include.stores.files import atomic
from include.stores.signing import dsse
from ml.errors import RequestError, SignatureError
from ml.rollout import routing
from ml.rollout.routing import Routing

_PAYLOAD_TYPE = "application/vnd.ratchet.routing+json"


def write(route: Routing, settings: Settings) -> Path:
    """Let servers answer by `route`, and return where it stands; where they do already, no byte changes and no key is needed.

    Raises SetupError without a key to sign with.
    """
    path = path_of(settings.routes, route.use_case)
    if not _is_current(path, route, settings.trusted_keys):
        payload = json.dumps(route.to_json(), sort_keys=True).encode()
        atomic.write(path, dsse.sign(payload, _PAYLOAD_TYPE, dsse.ROUTING, settings))
    return path


def read(path: Path, trusted: Path) -> Routing:
    """Return the routing in `path`, signed by a key that `trusted` has for routing; raises SignatureError, FileNotFoundError."""
    text = path.read_bytes()
    try:
        payload = json.loads(dsse.verify(text, _PAYLOAD_TYPE, dsse.ROUTING, trusted))
    except SignatureError as fault:
        raise SignatureError(
            f"{path} {fault}; let `ratchet sync-routing` write it again, and find out who wrote this"
        ) from None
    return routing.from_json(payload)


def current(use_case: str, settings: Settings) -> Routing:
    """Return what is routed for `use_case` now; raises RequestError before its first champion, SignatureError."""
    path = path_of(settings.routes, use_case)
    try:
        route = read(path, settings.trusted_keys)
    except FileNotFoundError:
        raise RequestError(f"{use_case} has no champion yet: {path} is not there") from None
    if route.use_case != use_case:
        raise RequestError(f"{path} is the routing of {route.use_case!r}, expected that of {use_case!r}")
    return route


def path_of(folder: Path, use_case: str) -> Path:
    """Return where the routing of `use_case` stands."""
    return folder / f"{use_case}.json"


def _is_current(path: Path, route: Routing, trusted: Path) -> bool:
    """Return whether servers that look into `path` answer by `route` already."""
    try:
        return read(path, trusted) == route
    except (FileNotFoundError, SignatureError, RequestError):
        return False
