import os
from pathlib import Path

import pytest

from include.stores import atomic


def test_a_file_is_written_with_the_folders_it_needs(tmp_path: Path) -> None:
    atomic.write(tmp_path / "new" / "file", b"bytes")
    assert (tmp_path / "new" / "file").read_bytes() == b"bytes"


def test_the_old_bytes_are_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    for content in (b"old", b"new"):
        atomic.write(tmp_path / "file", content)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]


@pytest.mark.parametrize("stopped", ["fsync", "replace"])
def test_whatever_stops_it_the_old_bytes_stand_and_no_half_file_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: str
) -> None:
    def stop(*_: object) -> None:
        raise OSError("no space left on device")

    atomic.write(tmp_path / "file", b"old")
    monkeypatch.setattr(*((os, "fsync") if stopped == "fsync" else (Path, "replace")), stop)
    with pytest.raises(OSError, match="no space left"):
        atomic.write(tmp_path / "file", b"new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]
