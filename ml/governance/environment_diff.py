"""What a package was made with, beside what its champion was: versions of libraries and Python, and the lock file."""

from collections.abc import Mapping
from typing import Any

_LOCK = "lock_sha256"


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a sentence for each dependency that is another in the facts of the package `now` than in those `before`.

    Where no library that serving needs has changed and the lock file has, that is told.
    """
    were, are = _versions(before), _versions(now)
    told = [
        _told(name, were.get(name), are.get(name)) for name in sorted(were | are) if were.get(name) != are.get(name)
    ]
    if not told and before.get(_LOCK) != now.get(_LOCK):
        told = ["the lock file is another, in packages that serving does not name"]
    return tuple(told)


def _versions(facts: Mapping[str, Any]) -> dict[str, str]:
    return {"python": str(facts.get("python")), **facts.get("libraries", {})}


def _told(name: str, before: str | None, now: str | None) -> str:
    if before is None:
        return f"{name} {now} is new"
    return f"{name} {before} is gone" if now is None else f"{name} was {before}, is {now}"
