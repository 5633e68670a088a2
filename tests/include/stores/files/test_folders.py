"""Below a root, only regular files are opened, and no symbolic link is followed."""

import os
from pathlib import Path

import pytest

from include.stores.files import folders
from ml.errors import DataError, FileError

LARGEST = 100
PARTS = ("taxi", "2024-03-17")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root that is itself a link, with a night of one regular file and of what is none."""
    real = tmp_path / "real"
    night = real.joinpath(*PARTS)
    night.mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (night / "rides.csv").write_text("ride")
    (night / "rides.link.csv").symlink_to(tmp_path / "secret")
    (night / "rides.loop.csv").symlink_to(night / "rides.loop.csv")
    (night / "rides.folder.csv").mkdir()
    (night / "rides.large.csv").write_text("x" * (LARGEST + 1))
    os.mkfifo(night / "rides.pipe.csv")
    (tmp_path / "root").symlink_to(real)
    return tmp_path / "root"


def test_only_the_regular_file_is_opened(root: Path) -> None:
    with folders.open_file(root, PARTS, "rides.csv", LARGEST) as file:
        assert file.read() == b"ride"
    for name in ("link", "loop", "folder", "pipe", "large"):
        with pytest.raises(FileError):
            folders.open_file(root, PARTS, f"rides.{name}.csv", LARGEST)
    with pytest.raises(DataError, match="it is gone"):
        folders.open_file(root, PARTS, "rides.gone.csv", LARGEST)


def test_everything_is_listed_and_what_is_no_file_has_a_reason(root: Path) -> None:
    entries = folders.list_entries(root, PARTS)
    faulty = {name for name, entry in entries.items() if entry.fault}
    assert set(entries) - faulty == {"rides.csv", "rides.large.csv"}
    assert faulty == {f"rides.{name}.csv" for name in ("link", "loop", "folder", "pipe")}
    assert folders.list_folders(root, PARTS) == ["rides.folder.csv"]


def test_a_folder_that_is_a_link_or_a_file_is_refused_and_an_absent_one_is_empty(root: Path, tmp_path: Path) -> None:
    (root / "linked").symlink_to(root / "taxi")
    (root / "file").write_text("")
    for name in ("linked", "file"):
        with pytest.raises(DataError, match="links are not followed"):
            folders.list_entries(root, (name, PARTS[1]))
        with pytest.raises(DataError, match="links are not followed"):
            folders.check(root, (name,))
    folders.check(root, ("absent", "deeper"))
    assert folders.list_entries(root, ("absent",)) == {}
    assert folders.list_folders(tmp_path / "absent", ()) == []
