"""The manifest of a package: the SHA-256 of each file, and the files that do not match it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

NAME = "manifest.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mismatch:
    """A file that does not match. `expected` is None for a file not in the manifest, `actual` for a missing file."""

    name: str
    expected: str | None
    actual: str | None


def sha256(content: bytes) -> str:
    """Return the SHA-256 of `content`, in hexadecimal.

    >>> sha256(b"abc")[:16]  # the test vector of FIPS 180-2
    'ba7816bf8f01cfea'
    """
    return hashlib.sha256(content).hexdigest()


def mismatches(expected: Mapping[str, str], files: Mapping[str, bytes]) -> tuple[Mismatch, ...]:
    """Return the files whose SHA-256 is not the expected one, sorted by name; the manifest itself is left out.

    >>> files = {"learner.txt": b"tree", "notes.txt": b""}
    >>> [each.name for each in mismatches({"learner.txt": sha256(b"tree"), "facts.json": sha256(b"{}")}, files)]
    ['facts.json', 'notes.txt']
    """
    actual = {name: sha256(content) for name, content in files.items() if name != NAME}
    return tuple(
        Mismatch(name=name, expected=expected.get(name), actual=actual.get(name))
        for name in sorted(expected.keys() | actual.keys())
        if expected.get(name) != actual.get(name)
    )
