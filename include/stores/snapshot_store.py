"""Snapshots of features to serve from: one folder for each, and one file that says which is the newest.

A snapshot appears by one rename and is held against its manifest whenever it is read. What a server has in memory it
keeps until a newer one has proven whole.
"""

import json
import shutil
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from include.stores.files import atomic
from ml.errors import FeatureError, SnapshotError
from ml.features import fingerprints, snapshots
from ml.features.fingerprints import FeatureFingerprints
from ml.features.snapshots import FeatureSnapshot, PackedSnapshot

_POINTER, _SHORT = "newest.json", 12


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotRef:
    """Where a snapshot rests: its night, and the digest that it must have."""

    night: str
    digest: str

    @property
    def folder(self) -> str:
        return f"{self.night}.{self.digest[:_SHORT]}"


def put(root: Path, night: date | str, packed: PackedSnapshot) -> SnapshotRef:
    """Store the snapshot of `night` and return where; it becomes the newest unless one of a later night is.

    Where a night has several, a text in the order of time says which.

    One that is there already is left alone when it is whole, and mended when it is not. Only the newest and the one
    that it replaced are kept.
    """
    ref = SnapshotRef(night=str(night), digest=packed.digest)
    with atomic.file_lock(root):
        if not _is_intact(root, ref):
            atomic.write_folder(root / ref.folder, packed.files)
    refs = _read_pointer_or_empty(root)
    if ref not in refs and all(ref.night >= each.night for each in refs[:1]):
        refs = [ref, *refs[:1]]
        atomic.write(root / _POINTER, json.dumps([asdict(each) for each in refs]).encode())
    _remove_others(root, {each.folder for each in refs})
    return ref


class SnapshotCache:
    """What a server answers from: the newest whole snapshot, also while the disk or the online store is away.

    With `pinned`, only a snapshot whose features mean what the model learned them as is taken. `served` is what was
    taken last, None before that.
    """

    def __init__(self, folder: Path, pinned: FeatureFingerprints | None = None) -> None:
        self._folder, self._pinned = folder, pinned
        self.served: FeatureSnapshot | None = None
        self._ref: SnapshotRef | None = None

    def refresh(self) -> str | None:
        """Take the newest snapshot if it is whole, and return the sentence that says why not otherwise.

        What is served stays served then; where nothing is yet, the snapshot before the newest is taken.
        """
        try:
            refs = _read_pointer(self._folder)
        except SnapshotError as error:
            return str(error)
        if not refs:
            return f"there is no snapshot in {self._folder}: materialize a night first"
        fault = self._load(refs[0])
        if fault and self.served is None:
            for ref in refs[1:]:
                self._load(ref)
        return fault

    @property
    def snapshot(self) -> FeatureSnapshot:
        """What is served; raises SnapshotError while there is nothing."""
        if self.served is None and (fault := self.refresh()) and self.served is None:
            raise SnapshotError(fault)
        assert self.served is not None
        return self.served

    def _load(self, ref: SnapshotRef) -> str | None:
        if ref == self._ref:
            return None
        try:
            snapshot = read(self._folder, ref)
            self._check_pinned(snapshot, ref)
        except (OSError, SnapshotError, FeatureError) as error:
            return f"{ref.folder}: {error}"
        self.served, self._ref = snapshot, ref
        return None

    def _check_pinned(self, snapshot: FeatureSnapshot, ref: SnapshotRef) -> None:
        if self._pinned is not None:
            fingerprints.check_compatible(
                self._pinned,
                fingerprints.from_facts(snapshot.facts, source=f"the snapshot of {ref.night}"),
                pinned_by="the model pins",
                target=f"the snapshot of {ref.night}",
                remedy="serve a model that was trained on these, or materialize the night as the model's had it",
            )


def read(root: Path, ref: SnapshotRef) -> FeatureSnapshot:
    """Return the snapshot at `place`; raises SnapshotError when a byte of it is not as promised."""
    return snapshots.load(_files(root / ref.folder), ref.digest)


def newest(root: Path) -> SnapshotRef | None:
    """Return where the newest snapshot is; None before the first."""
    return next(iter(_read_pointer(root)), None)


def _read_pointer(root: Path) -> list[SnapshotRef]:
    """Return where the newest snapshot is, and after it the one that it replaced; raises SnapshotError."""
    pointer = root / _POINTER
    if not pointer.exists():
        return []
    text = pointer.read_bytes()
    try:
        return [SnapshotRef(night=str(each["night"]), digest=str(each["digest"])) for each in json.loads(text)]
    except (ValueError, KeyError, TypeError):
        raise SnapshotError(
            f"{pointer} should name the newest snapshot by night and digest, but starts {text[:40]!r}: "
            "materialize the night again"
        ) from None


def _read_pointer_or_empty(root: Path) -> list[SnapshotRef]:
    """Return what `_named` does, or nothing where that cannot be read: writing mends it."""
    try:
        return _read_pointer(root)
    except SnapshotError:
        return []


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


def _is_intact(root: Path, ref: SnapshotRef) -> bool:
    try:
        snapshots.check(_files(root / ref.folder), ref.digest)
    except SnapshotError:
        return False
    return True


def _remove_others(root: Path, kept: set[str]) -> None:
    for folder in root.iterdir():
        if folder.is_dir() and not folder.name.startswith(".") and folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)
