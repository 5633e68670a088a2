"""Intermediate files of a training: one folder for each plan or candidate, written by one task and read by the next.

A folder appears in one rename and is verified against its own list of SHA-256s at every read. A damaged folder counts
as absent, and the next write replaces it.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from include.stores.files import atomic
from ml.errors import CandidateFilesError
from ml.scoring import manifest

_CHECKSUMS = "draft.json"


def put(folder: Path, files: Mapping[str, bytes]) -> None:
    """Store `files` in `folder`, unless it has intact files already; a damaged folder is replaced."""
    checksums = {name: manifest.sha256(content) for name, content in files.items()}
    with atomic.file_lock(folder.parent):
        if not is_intact(folder):
            atomic.write_folder(folder, {**files, _CHECKSUMS: json.dumps(checksums, sort_keys=True).encode()})


def get(folder: Path) -> dict[str, bytes]:
    """Return the files in `folder` by name; raises CandidateFilesError when there are none or a byte differs."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}
    checksums = _read_checksums(folder, files.pop(_CHECKSUMS, None))
    for name in sorted(checksums.keys() | files.keys()):
        if name not in files or manifest.sha256(files[name]) != checksums.get(name):
            raise _damaged(folder, f"{name!r} differs from the file that was written")
    return files


def is_intact(folder: Path) -> bool:
    """Return whether `folder` has files and every byte of them is as it was written."""
    try:
        get(folder)
    except CandidateFilesError:
        return False
    return True


def remove(folder: Path) -> None:
    """Remove `folder` and everything in it."""
    shutil.rmtree(folder, ignore_errors=True)


def _read_checksums(folder: Path, text: bytes | None) -> dict[str, str]:
    if text is None:
        raise _damaged(folder, "there are none")
    try:
        return {str(name): str(digest) for name, digest in json.loads(text).items()}
    except (ValueError, AttributeError):
        raise _damaged(folder, f"{_CHECKSUMS} starts {text[:40]!r}") from None


def _damaged(folder: Path, why: str) -> CandidateFilesError:
    return CandidateFilesError(
        f"expected intact candidate files in {folder}, but {why}: clear the task that writes them, then this task"
    )
