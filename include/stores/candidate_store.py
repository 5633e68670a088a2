"""Drafts of a training: a folder for what each of its tasks leaves to the next, gone once the verdict is in the ledger.

A draft appears by one rename and is held against its own list of SHA-256s whenever it is read: one that was cut is as
good as none, and making it again mends it.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from include.stores.files import atomic
from ml.errors import CandidateFilesError
from ml.governance import manifest

_CHECKSUMS = "draft.json"


def put(folder: Path, files: Mapping[str, bytes]) -> None:
    """Store `files` as the draft at `place`; one that is there already is left alone when it is whole, else mended."""
    checksums = {name: manifest.sha256(content) for name, content in files.items()}
    with atomic.file_lock(folder.parent):
        if not is_intact(folder):
            atomic.write_folder(folder, {**files, _CHECKSUMS: json.dumps(checksums, sort_keys=True).encode()})


def get(folder: Path) -> dict[str, bytes]:
    """Return the files of the draft at `place`; raises DraftError when a byte of them is not as it was put."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}
    checksums = _read_checksums(folder, files.pop(_CHECKSUMS, None))
    for name in sorted(checksums.keys() | files.keys()):
        if name not in files or manifest.sha256(files[name]) != checksums.get(name):
            raise _damaged(folder, f"{name!r} is not as it was written")
    return files


def is_intact(folder: Path) -> bool:
    """Return whether there is a draft at `place`, every byte as it was put."""
    try:
        get(folder)
    except CandidateFilesError:
        return False
    return True


def remove(folder: Path) -> None:
    """Remove all drafts under `folder`."""
    shutil.rmtree(folder, ignore_errors=True)


def _read_checksums(folder: Path, text: bytes | None) -> dict[str, str]:
    if text is None:
        raise _damaged(folder, "there is none")
    try:
        return {str(name): str(digest) for name, digest in json.loads(text).items()}
    except (ValueError, AttributeError):
        raise _damaged(folder, f"{_CHECKSUMS} starts {text[:40]!r}") from None


def _damaged(folder: Path, why: str) -> CandidateFilesError:
    return CandidateFilesError(
        f"expected a whole draft in {folder}, but {why}: clear the task that makes it, then this one; it makes it again"
    )
