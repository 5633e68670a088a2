"""Every record that was written is read, once and in order, also when the process that wrote it was killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from include.settings import PROJECT
from include.stores import request_log
from include.stores.request_log import RequestLog
from ml.errors import SetupError

WRITER = """
import os, signal, sys
from pathlib import Path
from include.stores.request_log import RequestLog
written = RequestLog(Path(sys.argv[1]), 4096)
for number in range(20): assert written.append(str(number).encode())
print("written", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def everything(folder: Path) -> list[bytes]:
    return [record for segment in request_log.segments(folder) for record in request_log.read(segment).records]


def append(written: RequestLog, record: bytes) -> None:
    """Append when there is room: the keeper may be making it."""
    for _ in range(500):
        if written.append(record):
            return
        time.sleep(0.01)
    raise AssertionError("there never was room")


def test_records_are_read_while_they_are_written_and_each_once(tmp_path: Path) -> None:
    written = RequestLog(tmp_path, 4096)
    written.append(b"one")
    (segment,) = (each for each in request_log.segments(tmp_path) if request_log.read(each).records)
    first = request_log.read(segment)
    written.append(b"two")
    second = request_log.read(segment, first.next_offset)
    assert (first.records, second.records) == ((b"one",), (b"two",))
    assert not first.is_final
    written.close()
    assert request_log.read(segment, second.next_offset).is_final
    assert request_log.read(segment, second.next_offset).records == ()


def test_a_full_segment_is_followed_by_the_next(tmp_path: Path) -> None:
    written = RequestLog(tmp_path, 64)
    records = [f"record {number}".encode() for number in range(40)]
    for each in records:
        append(written, each)
    written.close()
    assert everything(tmp_path) == records
    assert len(request_log.segments(tmp_path)) > 5


def test_what_was_written_before_a_kill_is_there(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, b"written\n")
    assert everything(tmp_path) == [str(number).encode() for number in range(20)]
    assert all(request_log.read(segment).is_final for segment in request_log.segments(tmp_path))


@pytest.mark.parametrize("place", [8, 3, 0], ids=["a changed byte", "a changed checksum", "a changed length"])
def test_a_torn_record_and_what_follows_it_is_not_read(place: int, tmp_path: Path) -> None:
    written = RequestLog(tmp_path, 4096)
    for record in (b"one", b"two"):
        written.append(record)
    written.close()
    segment = next(each for each in request_log.segments(tmp_path) if request_log.read(each).records)
    whole = bytearray(segment.read_bytes())
    whole[11 + place] ^= 0xFF
    segment.write_bytes(whole)
    assert request_log.read(segment).records == (b"one",)


def test_threads_do_not_tear_each_others_records(tmp_path: Path) -> None:
    written = RequestLog(tmp_path, 1_000_000)
    wanted = {f"{thread} {number}".encode() for thread in range(4) for number in range(500)}
    threads = [
        threading.Thread(target=lambda n=n: [written.append(f"{n} {i}".encode()) for i in range(500)]) for n in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    written.close()
    assert sorted(everything(tmp_path)) == sorted(wanted)


def test_what_there_is_no_room_for_is_counted(tmp_path: Path) -> None:
    written = RequestLog(tmp_path, 64)
    assert not written.append(b"x" * 100)
    assert written.append(b"small")
    assert written.dropped == 1
    written.close()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match=f"room for .* in {tmp_path / 'file'}"):
        RequestLog(tmp_path / "file")


@pytest.mark.skipif(not os.access("/proc/self/fd", os.R_OK), reason="needs /proc")
def test_a_closed_journal_holds_no_file_open(tmp_path: Path) -> None:
    written = RequestLog(tmp_path, 64)
    for number in range(20):
        append(written, f"record {number}".encode())
    written.close()
    held = [each.readlink() for each in Path("/proc/self/fd").iterdir() if each.exists()]
    assert [each for each in held if each.is_relative_to(tmp_path)] == []
