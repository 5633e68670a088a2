"""What a package was made with, beside what its champion was: versions of libraries and Python, and the lock file."""

from collections.abc import Mapping
from typing import Any

_LOCK = "lock_sha256"


def describe_changes(previous: Mapping[str, Any], current: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a sentence for each dependency that is another in the facts of the package `now` than in those `before`.

    Where no library that serving needs has changed and the lock file has, that is told.
    """
    previous_versions, current_versions = _versions(previous), _versions(current)
    sentences = [
        _describe_change(name, previous_versions.get(name), current_versions.get(name))
        for name in sorted(previous_versions | current_versions)
        if previous_versions.get(name) != current_versions.get(name)
    ]
    if not sentences and previous.get(_LOCK) != current.get(_LOCK):
        sentences = ["the lock file is another, in packages that serving does not name"]
    return tuple(sentences)


def _versions(facts: Mapping[str, Any]) -> dict[str, str]:
    return {"python": str(facts.get("python")), **facts.get("libraries", {})}


def _describe_change(name: str, previous: str | None, current: str | None) -> str:
    if previous is None:
        return f"{name} {current} is new"
    return f"{name} {previous} is gone" if current is None else f"{name} was {previous}, is {current}"
