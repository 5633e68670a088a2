"""Files below a folder or a bucket's prefix: copied whole or not at all, and never over another."""

from pathlib import Path

import pytest

from include.stores import trees
from include.stores.landing import places
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
    for name in trees.names(source):
        trees.copy(source, target, name)


def test_what_is_finished_is_copied_there_and_back(source: Path, target: str, tmp_path: Path) -> None:
    assert trees.names(target) == []
    copied(source, target)
    copied(target, str(tmp_path / "back"))
    assert trees.names(source) == trees.names(target) == trees.names(tmp_path / "back") == list(NAMES)
    for name, content in FILES.items():
        assert (tmp_path / "back" / name).read_bytes() == content
        assert trees.digest(target, name) == trees.digest(source, name)


def test_the_same_file_may_be_there_and_another_is_kept_unless_it_may_go(source: Path, target: str) -> None:
    for _ in range(2):
        copied(source, target)
    before = trees.digest(target, "a.txt")
    (source / "a.txt").write_bytes(b"other")
    with pytest.raises(DataError, match=r"expected no other file of the name .*a.txt, but there is one"):
        trees.copy(source, target, "a.txt")
    assert trees.digest(target, "a.txt") == before
    trees.copy(source, target, "a.txt", over=True)
    assert trees.digest(target, "a.txt") == trees.digest(source, "a.txt")


def test_a_tables_log_comes_after_its_rows_and_the_hint_last() -> None:
    log = [
        f"t/_delta_log/{name}"
        for name in ("_last_checkpoint", "00000000000000000001.json", "00000000000000000000.json")
    ]
    ordered = sorted([*log, "z/part.parquet", "t/part.parquet"], key=trees.order)
    assert ordered == ["t/part.parquet", "z/part.parquet", log[2], log[1], log[0]]
    assert [trees.is_log(name) for name in ordered] == [False, False, True, True, False]
    assert [trees.is_hint(name) for name in ordered] == [False] * 4 + [True]


@pytest.mark.servers
@pytest.mark.parametrize("faults_of_one", [(Fault.LOST,), (Fault.BUSY, Fault.BUSY)], ids=["a lost reply", "503 twice"])
def test_a_file_whose_putting_is_disturbed_is_there_once_and_whole(
    source: Path, faults: Faults, bucket: str, faults_of_one: tuple[Fault, ...]
) -> None:
    faults.let("PUT", "a.txt", *faults_of_one)
    trees.copy(source, bucket, "a.txt")
    assert faults.end() == len(faults_of_one)
    assert trees.digest(bucket, "a.txt") == trees.digest(source, "a.txt")


@pytest.mark.servers
def test_a_lost_reply_to_putting_over_another_file_is_no_excuse(source: Path, faults: Faults, bucket: str) -> None:
    trees.copy(source, bucket, "a.txt")
    (source / "a.txt").write_bytes(b"other")
    faults.let("PUT", "a.txt", Fault.LOST)
    with pytest.raises(DataError, match="expected no other file of the name"):
        trees.copy(source, bucket, "a.txt")


@pytest.mark.servers
def test_a_bucket_that_is_always_busy_is_told_and_holds_nothing_half(
    source: Path, faults: Faults, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_ATTEMPTS", 2)
    faults.let("PUT", "a.txt", always=Fault.BUSY)
    with pytest.raises(SetupError, match=r"expected the bucket to answer at s3://.*SlowDown.*run this again"):
        trees.copy(source, bucket, "a.txt")
    assert faults.end() == 2
    assert trees.names(bucket) == []
