import os
from pathlib import Path

import pytest

from include.stores.files import atomic


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


def test_a_folder_appears_with_all_its_files_and_takes_the_place_of_one_that_was_there(tmp_path: Path) -> None:
    for files in ({"one": b"1", "two": b"2"}, {"one": b"3"}):
        atomic.write_folder(tmp_path / "folder", files)
        assert {path.name: path.read_bytes() for path in (tmp_path / "folder").iterdir()} == files
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_folder_that_cannot_be_written_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise OSError("no space left on device")

    atomic.write_folder(tmp_path / "new", {"one": b"1"})
    monkeypatch.setattr(os, "fsync", stop)
    atomic.write_folder(tmp_path / "new", {"one": b"2"})
    assert (tmp_path / "new" / "one").read_bytes() == b"1"
    with pytest.raises(OSError, match="no space left"):
        atomic.write_folder(tmp_path / "other", {"one": b"2"})
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
