"""The promise of a package: the SHA-256 of each of its files, and where the files break it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

NAME = "manifest.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mismatch:
    """A file that is not what was promised; `expected` is None where nothing was, `found` where no such file is."""

    name: str
    expected: str | None
    actual: str | None


def sha256(content: bytes) -> str:
    """Return the SHA-256 of `content`, as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def mismatches(expected: Mapping[str, str], files: Mapping[str, bytes]) -> tuple[Mismatch, ...]:
    """Return every file, by name, whose SHA-256 is not the promised one; the manifest itself is no such file."""
    actual = {name: sha256(content) for name, content in files.items() if name != NAME}
    return tuple(
        Mismatch(name=name, expected=expected.get(name), actual=actual.get(name))
        for name in sorted(expected.keys() | actual.keys())
        if expected.get(name) != actual.get(name)
    )
