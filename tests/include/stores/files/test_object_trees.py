"""Files below a folder or a bucket's prefix: copied whole or not at all, and never over another."""

from pathlib import Path

import pytest

from include.stores.files import locations, object_trees
from ml.errors import DataError, SetupError
from tests.faults import Fault, Faults

NAMES = ("a.txt", "deeper/still/b.parquet")
FILES = {name: name.encode() * 1000 for name in NAMES}


@pytest.fixture
def target(root: str) -> str:
    """The address of a tree in which nothing is."""
    return root


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with two files, and some that are not meant."""
    for name, content in (*FILES.items(), (".hidden/c", b""), ("d.tmp", b""), ("deeper/.lock", b"")):
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "source"


def copied(source: Path | str, target: str) -> None:
    for name in object_trees.names(source):
        object_trees.copy(source, target, name)


def test_what_is_finished_is_copied_there_and_back(source: Path, target: str, tmp_path: Path) -> None:
    assert object_trees.names(target) == []
    copied(source, target)
    copied(target, str(tmp_path / "back"))
    assert (
        object_trees.names(source) == object_trees.names(target) == object_trees.names(tmp_path / "back") == list(NAMES)
    )
    for name, content in FILES.items():
        assert (tmp_path / "back" / name).read_bytes() == content
        assert object_trees.digest(target, name) == object_trees.digest(source, name)


def test_the_same_file_may_be_there_and_another_is_kept_unless_it_may_go(source: Path, target: str) -> None:
    for _ in range(2):
        copied(source, target)
    before = object_trees.digest(target, "a.txt")
    (source / "a.txt").write_bytes(b"other")
    with pytest.raises(DataError, match=r"expected no other file named .*a.txt, but there is one"):
        object_trees.copy(source, target, "a.txt")
    assert object_trees.digest(target, "a.txt") == before
    object_trees.copy(source, target, "a.txt", overwrite=True)
    assert object_trees.digest(target, "a.txt") == object_trees.digest(source, "a.txt")


def test_a_tables_log_comes_after_its_rows_and_the_hint_last() -> None:
    log = [
        f"t/_delta_log/{name}"
        for name in ("_last_checkpoint", "00000000000000000001.json", "00000000000000000000.json")
    ]
    ordered = sorted([*log, "z/part.parquet", "t/part.parquet"], key=object_trees.sort_key)
    assert ordered == ["t/part.parquet", "z/part.parquet", log[2], log[1], log[0]]
    assert [object_trees.is_log(name) for name in ordered] == [False, False, True, True, False]
    assert [object_trees.is_hint(name) for name in ordered] == [False] * 4 + [True]


@pytest.mark.servers
@pytest.mark.parametrize("faults_of_one", [(Fault.LOST,), (Fault.BUSY, Fault.BUSY)], ids=["a lost reply", "503 twice"])
def test_a_file_whose_putting_is_disturbed_is_there_once_and_whole(
    source: Path, faults: Faults, bucket: str, faults_of_one: tuple[Fault, ...]
) -> None:
    faults.inject("PUT", "a.txt", *faults_of_one)
    object_trees.copy(source, bucket, "a.txt")
    assert faults.clear() == len(faults_of_one)
    assert object_trees.digest(bucket, "a.txt") == object_trees.digest(source, "a.txt")


@pytest.mark.servers
def test_a_lost_reply_to_putting_over_another_file_is_no_excuse(source: Path, faults: Faults, bucket: str) -> None:
    object_trees.copy(source, bucket, "a.txt")
    (source / "a.txt").write_bytes(b"other")
    faults.inject("PUT", "a.txt", Fault.LOST)
    with pytest.raises(DataError, match="expected no other file named"):
        object_trees.copy(source, bucket, "a.txt")


@pytest.mark.servers
def test_a_bucket_that_is_always_busy_is_told_and_holds_nothing_half(
    source: Path, faults: Faults, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locations, "_ATTEMPTS", 2)
    faults.inject("PUT", "a.txt", always=Fault.BUSY)
    with pytest.raises(SetupError, match=r"expected the bucket to answer at s3://.*SlowDown.*run this again"):
        object_trees.copy(source, bucket, "a.txt")
    assert faults.clear() == 2
    assert object_trees.names(bucket) == []
