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
from ml.features.fingerprints import Declared
from ml.features.snapshots import FeatureSnapshot, Packed

_POINTER, _SHORT = "newest.json", 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a snapshot rests: its night, and the digest that it must have."""

    night: str
    digest: str

    @property
    def folder(self) -> str:
        return f"{self.night}.{self.digest[:_SHORT]}"


def put(shelf: Path, night: date | str, packed: Packed) -> Place:
    """Store the snapshot of `night` and return where; it becomes the newest unless one of a later night is.

    Where a night has several, a text in the order of time says which.

    One that is there already is left alone when it is whole, and mended when it is not. Only the newest and the one
    that it replaced are kept.
    """
    place = Place(night=str(night), digest=packed.digest)
    with atomic.alone(shelf):
        if not _whole(shelf, place):
            atomic.write_folder(shelf / place.folder, packed.files)
    named = _known(shelf)
    if place not in named and all(place.night >= each.night for each in named[:1]):
        named = [place, *named[:1]]
        atomic.write(shelf / _POINTER, json.dumps([asdict(each) for each in named]).encode())
    _remove_others(shelf, {each.folder for each in named})
    return place


class Shelf:
    """What a server answers from: the newest whole snapshot, also while the disk or the online store is away.

    With `pinned`, only a snapshot whose features mean what the model learned them as is taken. `served` is what was
    taken last, None before that.
    """

    def __init__(self, folder: Path, pinned: Declared | None = None) -> None:
        self._folder, self._pinned = folder, pinned
        self.served: FeatureSnapshot | None = None
        self._place: Place | None = None

    def refresh(self) -> str | None:
        """Take the newest snapshot if it is whole, and return the sentence that says why not otherwise.

        What is served stays served then; where nothing is yet, the snapshot before the newest is taken.
        """
        try:
            named = _named(self._folder)
        except SnapshotError as error:
            return str(error)
        if not named:
            return f"there is no snapshot in {self._folder}: materialize a night first"
        fault = self._take(named[0])
        if fault and self.served is None:
            for place in named[1:]:
                self._take(place)
        return fault

    @property
    def snapshot(self) -> FeatureSnapshot:
        """What is served; raises SnapshotError while there is nothing."""
        if self.served is None and (fault := self.refresh()) and self.served is None:
            raise SnapshotError(fault)
        assert self.served is not None
        return self.served

    def _take(self, place: Place) -> str | None:
        if place == self._place:
            return None
        try:
            found = read(self._folder, place)
            self._require_pinned(found, place)
        except (OSError, SnapshotError, FeatureError) as error:
            return f"{place.folder}: {error}"
        self.served, self._place = found, place
        return None

    def _require_pinned(self, found: FeatureSnapshot, place: Place) -> None:
        if self._pinned is not None:
            fingerprints.require(
                self._pinned,
                fingerprints.told(found.facts, of=f"the snapshot of {place.night}"),
                whose="the model pins",
                where=f"the snapshot of {place.night}",
                remedy="serve a model that was trained on these, or materialize the night as the model's had it",
            )


def read(shelf: Path, place: Place) -> FeatureSnapshot:
    """Return the snapshot at `place`; raises SnapshotError when a byte of it is not as promised."""
    return snapshots.load(_files(shelf / place.folder), place.digest)


def newest(shelf: Path) -> Place | None:
    """Return where the newest snapshot is; None before the first."""
    return next(iter(_named(shelf)), None)


def _named(shelf: Path) -> list[Place]:
    """Return where the newest snapshot is, and after it the one that it replaced; raises SnapshotError."""
    pointer = shelf / _POINTER
    if not pointer.exists():
        return []
    text = pointer.read_bytes()
    try:
        return [Place(night=str(each["night"]), digest=str(each["digest"])) for each in json.loads(text)]
    except (ValueError, KeyError, TypeError):
        raise SnapshotError(
            f"{pointer} should name the newest snapshot by night and digest, but starts {text[:40]!r}: "
            "materialize the night again"
        ) from None


def _known(shelf: Path) -> list[Place]:
    """Return what `_named` does, or nothing where that cannot be read: writing mends it."""
    try:
        return _named(shelf)
    except SnapshotError:
        return []


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


def _whole(shelf: Path, place: Place) -> bool:
    try:
        snapshots.check(_files(shelf / place.folder), place.digest)
    except SnapshotError:
        return False
    return True


def _remove_others(shelf: Path, kept: set[str]) -> None:
    for folder in shelf.iterdir():
        if folder.is_dir() and not folder.name.startswith(".") and folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)
