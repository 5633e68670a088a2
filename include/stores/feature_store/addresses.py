"""The address of the optional online store: none, SQLite in the feature store's folder, or a Redis server."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from include.settings import Settings
from ml.errors import SetupError

_VARIABLE, _SCHEMES, _PORT = "RATCHET_ONLINE_STORE_URL", ("redis", "rediss"), 6379
_SQLITE = "sqlite"
_CONNECT_SECONDS, _ANSWER_SECONDS = 3, 30


def has_online_store(settings: Settings) -> bool:
    """Return whether nights are loaded into an online store; by default there is none."""
    return bool(settings.online_store_url)


def online_store_config(settings: Settings, use_case: str) -> dict[str, Any] | None:
    """Return Feast's configuration of the online store, None without one; raises SetupError for a malformed address."""
    if not has_online_store(settings):
        return None
    if settings.online_store_url == _SQLITE:
        return {"type": "sqlite", "path": str(sqlite_path(settings, use_case))}
    address = _parse(settings.online_store_url)
    options: dict[str, object] = {
        "db": int(address.path.strip("/") or 0),
        "ssl": address.scheme == "rediss",
        "socket_connect_timeout": _CONNECT_SECONDS,
        "socket_timeout": _ANSWER_SECONDS,
    }
    options |= {"username": unquote(address.username)} if address.username else {}
    options |= {"password": unquote(address.password)} if address.password else {}
    return {
        "type": "redis",
        "connection_string": ",".join(
            [f"{address.hostname}:{address.port or _PORT}", *map(_format_option, options.items())]
        ),
        # Otherwise Feast overwrites a row only with a later cutoff, and a corrected night would never get online.
        "skip_dedup": True,
    }


def sqlite_path(settings: Settings, use_case: str) -> Path:
    """Return the path of the use case's online store in SQLite, which exists if nights were loaded into it."""
    return settings.feature_store / use_case / "online.db"


def redacted_url(settings: Settings) -> str:
    """Return the online store's address without credentials, for files and messages; empty without one."""
    if not _is_server(settings):
        return settings.online_store_url
    address = _parse(settings.online_store_url)
    return f"{address.scheme}://{address.hostname}:{address.port or _PORT}/{address.path.strip('/') or 0}"


@contextmanager
def translate_errors(settings: Settings) -> Iterator[None]:
    """Raise SetupError in place of the Redis client's errors when the server is down or denies access."""
    if not _is_server(settings):
        yield
        return
    from redis.exceptions import RedisError

    try:
        yield
    except RedisError as error:
        raise SetupError(
            f"expected the online store at {redacted_url(settings)} to answer, but: {error}. Start it, or correct "
            f"{_VARIABLE}, and run this again; until then model servers answer from the snapshot"
        ) from None


def _is_server(settings: Settings) -> bool:
    return settings.online_store_url not in ("", _SQLITE)


def _parse(url: str) -> SplitResult:
    try:
        address = urlsplit(url)
        is_valid = address.scheme in _SCHEMES and address.hostname and (address.port or _PORT)
        if is_valid and (address.path.strip("/") or "0").isdecimal():
            return address
    except ValueError:
        pass
    raise SetupError(
        f"expected {_VARIABLE} to be empty (no online store), {_SQLITE}, or redis://[user:password@]host[:port][/number] (rediss:// with TLS), "
        f"got {url.rpartition('@')[2]!r}"
    )


def _format_option(option: tuple[str, object]) -> str:
    """Return `name=value` for Feast, which separates options by commas and parses values as JSON."""
    name, value = option
    return f"{name}={json.dumps(value)}".replace(",", "\\u002c")
