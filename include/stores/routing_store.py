"""The routing of each use case: a signed file, derived from the ledger, that names the packages to answer with."""

import json
from pathlib import Path

from include.settings import Settings
from include.stores.files import atomic
from include.stores.signing import dsse
from ml.errors import RequestError, SignatureError
from ml.rollout import routing
from ml.rollout.routing import Routing
from ml.usecase import model_names

_PAYLOAD_TYPE = "application/vnd.ratchet.routing+json"


def write(route: Routing, settings: Settings) -> Path:
    """Sign `route`, write it for the servers and return its path; an equal routing is left as it is and needs no key.

    Raises SetupError when the signing key is missing.
    """
    path = path_of(settings.routes, route.use_case)
    if not _is_current(path, route, settings.trusted_keys):
        payload = json.dumps(route.to_json(), sort_keys=True).encode()
        atomic.write(path, dsse.sign(payload, _PAYLOAD_TYPE, dsse.ROUTING, settings))
    return path


def read(path: Path, trusted: Path) -> Routing:
    """Return the routing in `path`, verified with the routing keys in `trusted`.

    Raises FileNotFoundError, and SignatureError when no trusted key signed it.
    """
    text = path.read_bytes()
    try:
        payload = json.loads(dsse.verify(text, _PAYLOAD_TYPE, dsse.ROUTING, trusted))
    except SignatureError as fault:
        if not any(dsse.ROUTING.trusted_folder(trusted).glob("*.pem")):
            raise SignatureError(
                f"{path} was signed by an earlier release, which had one key for packages and routing: run "
                "`ratchet upgrade`, which signs it again with a key of its own"
            ) from None
        raise SignatureError(
            f"{path} {fault}; run `ratchet sync-routing` to write it again, and find out who wrote this"
        ) from None
    return routing.from_json(payload)


def current(use_case: str, settings: Settings) -> Routing:
    """Return the present routing of `use_case`; raises RequestError before its first champion, and SignatureError."""
    path = path_of(settings.routes, use_case)
    try:
        route = read(path, settings.trusted_keys)
    except FileNotFoundError:
        raise RequestError(
            f"{use_case} has no champion yet: {path} does not exist; train one and release it, and servers follow "
            "within a second"
        ) from None
    if route.use_case != use_case:
        raise RequestError(f"{path} is the routing of {route.use_case!r}, expected that of {use_case!r}")
    return route


def models(folder: Path, use_case: str) -> tuple[str, ...]:
    """Return the names of the models of `use_case` at live horizons that have a routing."""
    names = (path.stem for path in folder.glob(f"{model_names.join(use_case, '*')}.json"))
    return tuple(sorted(name for name in names if model_names.dataset_of(name) == use_case))


def path_of(folder: Path, use_case: str) -> Path:
    """Return the path of the routing of `use_case`."""
    return folder / f"{use_case}.json"


def _is_current(path: Path, route: Routing, trusted: Path) -> bool:
    """Return whether `path` has `route` already, validly signed."""
    try:
        return read(path, trusted) == route
    except (FileNotFoundError, SignatureError, RequestError):
        return False
