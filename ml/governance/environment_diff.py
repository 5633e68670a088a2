"""Differences between the environments of two packages: versions of Python and libraries, and the lock file."""

from collections.abc import Mapping
from typing import Any

_LOCK = "lock_sha256"


def describe_changes(previous: Mapping[str, Any], current: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a sentence for each dependency that differs between the facts of two packages.

    If only the lock file differs, the result says so.

    >>> before = {"python": "3.12", "libraries": {"lightgbm": "4.5"}, "lock_sha256": "a"}
    >>> describe_changes(before, before | {"libraries": {"lightgbm": "4.6"}})
    ('lightgbm was 4.5, is 4.6',)
    >>> describe_changes(before, before)
    ()
    """
    previous_versions, current_versions = _versions(previous), _versions(current)
    sentences = [
        _describe_change(name, previous_versions.get(name), current_versions.get(name))
        for name in sorted(previous_versions | current_versions)
        if previous_versions.get(name) != current_versions.get(name)
    ]
    if not sentences and previous.get(_LOCK) != current.get(_LOCK):
        sentences = ["the lock file changed, but no library that serving needs"]
    return tuple(sentences)


def _versions(facts: Mapping[str, Any]) -> dict[str, str]:
    return {"python": str(facts.get("python")), **facts.get("libraries", {})}


def _describe_change(name: str, previous: str | None, current: str | None) -> str:
    if previous is None:
        return f"{name} {current} was added"
    return f"{name} {previous} was removed" if current is None else f"{name} was {previous}, is {current}"
