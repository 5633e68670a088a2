"""Drafts of a training: a folder for what each of its tasks leaves to the next, gone once the verdict is in the ledger.

A draft appears by one rename and is held against its own list of SHA-256s whenever it is read: one that was cut is as
good as none, and making it again mends it.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from include.stores.files import atomic
from ml.errors import DraftError
from ml.governance import manifest

_PROMISE = "draft.json"


def put(place: Path, files: Mapping[str, bytes]) -> None:
    """Store `files` as the draft at `place`; one that is there already is left alone when it is whole, else mended."""
    promise = {name: manifest.sha256(content) for name, content in files.items()}
    with atomic.alone(place.parent):
        if not whole(place):
            atomic.write_folder(place, {**files, _PROMISE: json.dumps(promise, sort_keys=True).encode()})


def get(place: Path) -> dict[str, bytes]:
    """Return the files of the draft at `place`; raises DraftError when a byte of them is not as it was put."""
    found = {path.name: path.read_bytes() for path in place.iterdir()} if place.is_dir() else {}
    promised = _promised(place, found.pop(_PROMISE, None))
    for name in sorted(promised.keys() | found.keys()):
        if name not in found or manifest.sha256(found[name]) != promised.get(name):
            raise _damaged(place, f"{name!r} is not as it was written")
    return found


def whole(place: Path) -> bool:
    """Return whether there is a draft at `place`, every byte as it was put."""
    try:
        get(place)
    except DraftError:
        return False
    return True


def remove(folder: Path) -> None:
    """Remove all drafts under `folder`."""
    shutil.rmtree(folder, ignore_errors=True)


def _promised(place: Path, text: bytes | None) -> dict[str, str]:
    if text is None:
        raise _damaged(place, "there is none")
    try:
        return {str(name): str(digest) for name, digest in json.loads(text).items()}
    except (ValueError, AttributeError):
        raise _damaged(place, f"{_PROMISE} starts {text[:40]!r}") from None


def _damaged(place: Path, why: str) -> DraftError:
    return DraftError(
        f"expected a whole draft in {place}, but {why}: clear the task that makes it, then this one; it makes it again"
    )
