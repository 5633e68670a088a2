"""The request log of a model server: one record for every answer, kept even when the process is killed.

A record is copied into a memory-mapped file, which survives the process. Writing never waits for the disk, because a
background thread reserves the next segment in advance. If no space is reserved in time, the record is dropped and
counted.
"""

import fcntl
import mmap
import os
import secrets
import struct
import threading
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ml.errors import SetupError

_SEGMENT_BYTES, _SYNC_SECONDS = 16_000_000, 1.0
_HEADER = struct.Struct("<II")  # length and CRC-32 of the record; a length of 0 marks the end of the records
_SUFFIX = ".journal"


class RequestLog:
    """The writer of one process; its threads may append concurrently. `dropped` counts the records without room."""

    def __init__(self, folder: Path, segment_bytes: int = _SEGMENT_BYTES) -> None:
        """Reserve the first segment in `folder`; raises SetupError when there is no room for it."""
        self._folder, self._segment_bytes = folder, segment_bytes
        self._process, self._count = secrets.token_hex(8), 0
        self._lock, self._wake = threading.Lock(), threading.Event()
        self.dropped = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._current = self._new_segment()
        except OSError as error:
            raise SetupError(
                f"expected room for {segment_bytes / 1e6:g} MB of answers in {folder} (RATCHET_PREDICTION_LOG), but: "
                f"{error}"
            ) from None
        self._spare: _Segment | None = None
        self._full: list[_Segment] = []
        self._closed = False
        self._flusher = threading.Thread(target=self._run_flusher, name="prediction-log", daemon=True)
        self._flusher.start()

    def append(self, record: bytes) -> bool:
        """Write `record` (at least one byte) and return whether there was room for it."""
        with self._lock:
            if not self._current.has_room_for(record):
                self._wake.set()
                if self._spare is None or not self._spare.has_room_for(record):
                    self.dropped += 1
                    return False
                self._full.append(self._current)
                self._current, self._spare = self._spare, None
            self._current.append(record)
            return True

    def close(self) -> None:
        """Stop writing and unlock the segments; a reader may remove them once it has read them."""
        self._closed = True
        self._wake.set()
        self._flusher.join()
        for segment in filter(None, (*self._full, self._current, self._spare)):
            segment.close()

    def _run_flusher(self) -> None:
        """Keep a spare segment ready and flush written records to disk, until the log is closed."""
        while not self._closed:
            if self._spare is None:
                self._reserve_spare()
            with suppress(OSError):  # the disk may come back: the next try is in a second
                while self._full:
                    self._full[0].close()
                    self._full.pop(0)
                self._current.sync()
            self._wake.wait(_SYNC_SECONDS)
            self._wake.clear()

    def _reserve_spare(self) -> None:
        try:
            segment = self._new_segment()
        except OSError:
            return  # no room now; the next try is in a second, and records dropped until then are counted
        with self._lock:
            self._spare = segment

    def _new_segment(self) -> "_Segment":
        self._count += 1
        return _Segment(self._folder / f"{self._process}-{self._count:08d}{_SUFFIX}", self._segment_bytes)


class _Segment:
    """One file of records, locked while a process writes it."""

    def __init__(self, path: Path, size: int) -> None:
        self._file = path.open("x+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            os.posix_fallocate(self._file.fileno(), 0, size)
            self._map = mmap.mmap(self._file.fileno(), size)
        except OSError:
            self._file.close()
            path.unlink()
            raise
        self._end = 0

    def has_room_for(self, record: bytes) -> bool:
        return self._end + _HEADER.size + len(record) <= len(self._map)

    def append(self, record: bytes) -> None:
        """Copy the record, its header last, so that a process killed in between leaves no partial record."""
        start = self._end + _HEADER.size
        self._map[start : start + len(record)] = record
        self._map[self._end : start] = _HEADER.pack(len(record), zlib.crc32(record))
        self._end = start + len(record)

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self.sync()
        self._map.close()
        self._file.close()


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordPage:
    """Records in the order written, the offset of the next read, and whether the segment is complete."""

    records: tuple[bytes, ...]
    next_offset: int
    is_final: bool


def segments(folder: Path) -> tuple[Path, ...]:
    """Return the segment files in `folder`, grouped by process, the oldest of each first."""
    return tuple(sorted(folder.glob(f"*{_SUFFIX}")))


def read(segment: Path, offset: int = 0) -> RecordPage:
    """Return the records of `segment` from `offset` on, which is 0 or the `next_offset` of an earlier page."""
    with segment.open("rb") as file:
        is_final = _is_unlocked(file.fileno())
        file.seek(offset)
        content = file.read()
    records, position = [], 0
    while position + _HEADER.size <= len(content):
        length, checksum = _HEADER.unpack_from(content, position)
        record = content[position + _HEADER.size : position + _HEADER.size + length]
        if not length or len(record) != length or zlib.crc32(record) != checksum:
            break
        records.append(record)
        position += _HEADER.size + length
    return RecordPage(records=tuple(records), next_offset=offset + position, is_final=is_final)


def _is_unlocked(handle: int) -> bool:
    """Return whether no process is writing to the file any more."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(handle, fcntl.LOCK_UN)
    return True
