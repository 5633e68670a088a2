"""Model packages on disk: one folder for each digest, written in one step and verified at every read.

A package's digest is the SHA-256 of its `manifest.json`, which has the SHA-256 of every other file but the signature.
No file is parsed before its hash is verified, and no model is loaded before its signature by a trusted key is verified.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from include.stores.signing import model_signing
from ml.errors import PackageError
from ml.scoring import manifest

MANIFEST = manifest.NAME
_REMOVED = ".removed-"  # hidden, as an unfinished package is


def put(folder: Path, digest: str, files: Mapping[str, bytes]) -> Path:
    """Store `files` as the package `digest` in one step and return its folder.

    A package that exists already is checked and left as it is. Raises PackageError when the bytes do not match the
    digest.
    """
    check(digest, files)
    target = folder / digest
    if target.exists():
        check(digest, _files(target))
        return target
    folder.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder, prefix=f".{digest[:12]}."))
    try:
        draft.chmod(0o755)
        for name, content in files.items():
            _write(draft / name, content)
        _publish(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def get(folder: Path, digest: str, trusted: Path) -> dict[str, bytes]:
    """Return the files of the package `digest`, verified, and signed by a key in the folder `trusted`.

    Raises PackageError when there is no such package, when its files do not match its manifest, or when no trusted key
    signed them.
    """
    path = folder / digest
    if not path.is_dir():
        raise PackageError(
            f"expected the package {digest} in {folder}, but it is not there; train again, or restore {folder}"
        )
    return read(path, digest, trusted)


def stored(folder: Path) -> tuple[str, ...]:
    """Return the digests of the packages in `folder`, sorted."""
    return tuple(sorted(path.name for path in folder.glob("[!.]*") if path.is_dir()))


def remove(folder: Path, digest: str) -> None:
    """Remove the package `digest` in one step; one that is gone already is skipped.

    What a killed process left of it is no package any more, and `remove_leftovers` removes it.
    """
    try:
        (folder / digest).rename(folder / f"{_REMOVED}{digest}")
    except FileNotFoundError:
        return
    remove_leftovers(folder)


def remove_leftovers(folder: Path) -> None:
    """Remove the files of packages whose removal was begun."""
    for path in folder.glob(f"{_REMOVED}*"):
        shutil.rmtree(path, ignore_errors=True)  # another process may be removing it, too


def read(path: Path, digest: str, trusted: Path) -> dict[str, bytes]:
    """Return the files in the folder `path` after verifying them as `get` does; raises PackageError."""
    files = _files(path)
    check(digest, files)
    model_signing.verify(digest, files, trusted)
    return files


def check(digest: str, files: Mapping[str, bytes]) -> None:
    """Raise PackageError unless `files` are exactly those in the manifest of the package `digest`, signed or not."""
    if MANIFEST not in files:
        raise PackageError(f"package {digest[:12]} has no {MANIFEST}, only {sorted(files)}; restore it or train again")
    if manifest.sha256(files[MANIFEST]) != digest:
        raise _damaged(digest, MANIFEST, digest, files[MANIFEST])
    unsigned = {name: content for name, content in files.items() if name != model_signing.SIGNATURE}
    for fault in manifest.mismatches(_read_checksums(digest, files[MANIFEST]), unsigned):
        if fault.actual is None:
            raise PackageError(
                f"package {digest[:12]} lacks {fault.name!r}, which its manifest lists; restore it or train again"
            )
        if fault.expected is None:
            raise PackageError(
                f"package {digest[:12]} has {fault.name!r}, which its manifest does not list; remove that file"
            )
        raise _damaged(digest, fault.name, fault.expected, files[fault.name])


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def _damaged(digest: str, name: str, expected: str, content: bytes) -> PackageError:
    return PackageError(
        f"package {digest[:12]}: {name!r} should have SHA-256 {expected}, but has {manifest.sha256(content)} "
        f"({len(content)} bytes); it was truncated or changed: restore it or train again, and do not serve it"
    )


def _read_checksums(digest: str, text: bytes) -> dict[str, str]:
    try:
        files = json.loads(text)["files"]
        checksums = {str(name): str(expected) for name, expected in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise PackageError(
            f'package {digest[:12]}: {MANIFEST} should be {{"files": {{name: sha256}}}}, but starts {text[:60]!r}'
        ) from None
    for name in checksums:
        if Path(name).name != name or name.startswith(".") or name == MANIFEST:
            raise PackageError(f"package {digest[:12]}: a package is one flat folder, but its manifest names {name!r}")
    return checksums


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _publish(draft: Path, target: Path) -> None:
    """Rename `draft` to its final name; if another process was faster, its identical package stays."""
    _sync(draft)
    try:
        draft.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        check(target.name, _files(target))
    _sync(target.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
