"""Feature snapshots for serving: one folder for each, and one file that names the newest.

A snapshot appears in one rename and is verified against its manifest at every read. A server keeps the snapshot that it
has in memory until a newer one is verified.
"""

import json
import shutil
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

from include.backoff import Backoff
from include.stores.files import atomic
from ml.errors import FeatureError, SnapshotError
from ml.features import fingerprints, snapshots
from ml.features.fingerprints import FeatureFingerprints
from ml.features.snapshots import FeatureSnapshot, PackedSnapshot
from ml.usecase import model_names

_POINTER, _SHORT = "newest.json", 12
_LIVE = ", or run `ratchet intraday` for a live horizon"


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotRef:
    """A reference to a stored snapshot: its night, and the digest that it must have.

    `published_at` is when it was stored first, in seconds since 1970; 0 for one of an earlier release.
    """

    night: str
    digest: str
    published_at: float = field(default=0.0, compare=False)

    @property
    def folder(self) -> str:
        return f"{self.night}.{self.digest[:_SHORT]}"


def folder_of(root: Path, model: str) -> Path:
    """Return the folder of the snapshots that the model called `model` looks entities up in.

    >>> str(folder_of(Path("feast"), "rides")), str(folder_of(Path("feast"), "rides-live"))
    ('feast/rides/snapshots', 'feast/rides/live')
    """
    dataset, horizon = model_names.split(model)
    return root / dataset / (horizon or "snapshots")


def reference(night: date | str, packed: PackedSnapshot) -> SnapshotRef:
    """Return the reference that a snapshot has if it is stored now."""
    return SnapshotRef(night=str(night), digest=packed.digest, published_at=time.time())


def put(root: Path, night: date | str, packed: PackedSnapshot) -> SnapshotRef:
    """Store the snapshot of `night` and return its reference; it becomes the newest unless a later night's is stored.

    When a night has several snapshots, `night` is a text that sorts by time. A snapshot that exists already is left as
    it is when it is intact, and replaced when it is not. Only the newest snapshot and the one before it are kept, and
    nothing of a publication that was killed.
    """
    ref = reference(night, packed)
    with atomic.file_lock(root):
        if not _is_intact(root, ref):
            atomic.write_folder(root / ref.folder, packed.files)
        refs = _read_pointer_or_empty(root)
        if ref not in refs and all(ref.night >= each.night for each in refs[:1]):
            refs = [ref, *refs[:1]]
            _write_pointer(root, refs)
        _remove_others(root, {each.folder for each in refs})
    return ref


def remove(root: Path, nights: Collection[str]) -> None:
    """Remove the snapshots of `nights`: servers go back to the snapshot before them, or answer without any."""
    with atomic.file_lock(root):
        refs = _read_pointer_or_empty(root)
        kept = [each for each in refs if each.night not in nights]
        if kept != refs:
            _write_pointer(root, kept)
            _remove_others(root, {each.folder for each in kept})


class SnapshotCache:
    """The newest intact snapshot, in memory, so that a server answers while the disk or online store is unavailable.

    With `pinned`, a snapshot is loaded only if its feature fingerprints match those of the model. `current` is the
    snapshot loaded last, with its reference; None before the first. Both change at once.
    """

    def __init__(self, folder: Path, pinned: FeatureFingerprints | None = None) -> None:
        self._folder, self._pinned = folder, pinned
        self.current: tuple[FeatureSnapshot, SnapshotRef] | None = None
        self._attempted: list[SnapshotRef] = []
        self._fault: str | None = None
        self._backoff = Backoff()

    def refresh(self, *, retry: bool = True) -> str | None:
        """Load the newest snapshot and return None, or return the reason why it cannot be loaded.

        In that case the snapshot in memory stays. If there is none yet, the snapshot before the newest is loaded.
        With `retry=False`, a snapshot that could not be loaded is read again only after a delay, which grows.
        """
        try:
            refs = _read_pointer(self._folder)
        except SnapshotError as error:
            return str(error)
        if not refs:
            if (self._folder / _POINTER).exists():  # the last one was withdrawn
                self.current = None
            return f"there is no snapshot in {self._folder}: materialize a night first{_LIVE}"
        if refs != self._attempted or retry:
            self._backoff.reset()
        if self._backoff.is_due:
            self._fault = self._attempt(refs)
        return self._fault

    def _attempt(self, refs: list[SnapshotRef]) -> str | None:
        """Load the first of `refs`, or another one if there is no snapshot yet; return why the first is not loaded."""
        self._attempted, started = refs, time.monotonic()
        fault = self._load(refs[0])
        if fault and self.served is None:
            for ref in refs[1:]:
                self._load(ref)
        if fault:
            self._backoff.record_failure(time.monotonic() - started)
        return fault

    @property
    def served(self) -> FeatureSnapshot | None:
        """The snapshot loaded last; None before the first."""
        return self.current[0] if self.current else None

    @property
    def snapshot(self) -> FeatureSnapshot:
        """The snapshot in memory, loaded at the first access; raises SnapshotError when none can be loaded."""
        if self.served is None and (fault := self.refresh()) and self.served is None:
            raise SnapshotError(fault)
        assert self.served is not None
        return self.served

    def _load(self, ref: SnapshotRef) -> str | None:
        if self.current is not None and ref == self.current[1]:
            return None
        try:
            snapshot = read(self._folder, ref)
            self._check_pinned(snapshot, ref)
        except (SnapshotError, FeatureError) as error:
            return f"{ref.folder}: {error}"
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the snapshot in memory stays
            return f"{ref.folder}: {error!r}: if this stays, materialize the night again{_LIVE}"
        self.current = snapshot, ref
        return None

    def _check_pinned(self, snapshot: FeatureSnapshot, ref: SnapshotRef) -> None:
        if self._pinned is not None:
            fingerprints.check_compatible(
                self._pinned,
                fingerprints.from_facts(snapshot.facts, source=f"the snapshot of {ref.night}"),
                pinned_by="the model pins",
                target=f"the snapshot of {ref.night}",
                remedy="serve a model trained on these features, or materialize the night with the model's features",
            )


def read(root: Path, ref: SnapshotRef) -> FeatureSnapshot:
    """Return the snapshot that `ref` names; raises SnapshotError when a byte differs from its manifest."""
    return snapshots.load(_files(root / ref.folder), ref.digest)


def newest(root: Path) -> SnapshotRef | None:
    """Return the reference of the newest snapshot; None before the first."""
    return next(iter(_read_pointer(root)), None)


def manifest(root: Path, night: str) -> str | None:
    """Return the manifest of the stored snapshot of `night`; None without one, and if it is damaged."""
    ref = next((each for each in _read_pointer_or_empty(root) if each.night == night), None)
    if ref is None or not _is_intact(root, ref):
        return None
    return (root / ref.folder / snapshots.MANIFEST).read_text()


def nights(root: Path) -> tuple[str, ...]:
    """Return the nights of the stored snapshots, newest first; none when the pointer is damaged."""
    return tuple(each.night for each in _read_pointer_or_empty(root))


def _read_pointer(root: Path) -> list[SnapshotRef]:
    """Return the references of the newest snapshot and of the one before it, in this order; raises SnapshotError."""
    pointer = root / _POINTER
    if not pointer.exists():
        return []
    try:
        text = pointer.read_bytes()
    except OSError as error:
        raise SnapshotError(
            f"{pointer} should name the newest snapshot, but cannot be read ({error}): restore its permissions"
        ) from None
    try:
        return [
            SnapshotRef(
                night=str(each["night"]),
                digest=str(each["digest"]),
                published_at=float(each.get("published_at", 0.0)),
            )
            for each in json.loads(text)
        ]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SnapshotError(
            f"{pointer} should name the newest snapshot by night and digest, but starts {text[:40]!r}: "
            f"materialize the night again{_LIVE}"
        ) from None


def _read_pointer_or_empty(root: Path) -> list[SnapshotRef]:
    """Return the same as `_read_pointer`, or nothing when the pointer is damaged: the next write replaces it."""
    try:
        return _read_pointer(root)
    except SnapshotError:
        return []


def _write_pointer(root: Path, refs: Sequence[SnapshotRef]) -> None:
    atomic.write(root / _POINTER, json.dumps([asdict(each) for each in refs]).encode())


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


def _is_intact(root: Path, ref: SnapshotRef) -> bool:
    try:
        snapshots.check(_files(root / ref.folder), ref.digest)
    except (SnapshotError, OSError):  # what cannot be read is replaced, too
        return False
    return True


def _remove_others(root: Path, kept: set[str]) -> None:
    """Remove all but the snapshots in the folders `kept` and the pointer; hold the lock, so that nobody is writing."""
    for path in root.iterdir():
        if path.is_dir() and not path.is_symlink():
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)
        elif path.name.startswith("."):
            path.unlink(missing_ok=True)
