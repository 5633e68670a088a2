"""Files belong to tables by name, and are known by the hash of their bytes."""

import errno
import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pytest

from include.stores import landing
from include.stores.landing import Folder, LandedFile, ScannedFile, formats
from include.stores.landing.rows import Rows
from ml.errors import DataError
from ml.ingestion import chunks
from ml.usecase import periods


@pytest.mark.parametrize(
    ("address", "expected"),
    [("/landing", "/landing/taxi/2013-02-08"), ("s3://files/in", "s3://files/in/taxi/2013-02-08")],
)
def test_each_period_of_a_use_case_has_a_place(address: str, expected: str) -> None:
    assert str(landing.period_location(address, "taxi", periods.parse("2013-02-08"))) == expected


def test_files_belong_to_the_table_that_their_name_begins_with_and_parts_come_after(tmp_path: Path) -> None:
    for name in ("rides.late.csv", "rides.csv", "ride.csv", ".rides.csv.x", "rides.csv.part", "_SUCCESS"):
        (tmp_path / name).write_bytes(b"")
    stamps = Folder(tmp_path).file_versions()
    result = [
        LandedFile(name="ride.csv", table=None, version=stamps["ride.csv"]),
        LandedFile(name="rides.csv", table="rides", version=stamps["rides.csv"]),
        LandedFile(name="rides.late.csv", table="rides", version=stamps["rides.late.csv"]),
    ]
    assert landing.list_files(Folder(tmp_path), ["rides"]) == result
    assert landing.list_files_by_period(Folder(tmp_path.parent), ["rides"], tmp_path.name, tmp_path.name) == {
        tmp_path.name: result
    }


def test_a_place_where_nothing_landed_has_no_files(tmp_path: Path) -> None:
    assert landing.list_files(Folder(tmp_path / "nowhere"), ["rides"]) == []


def look(folder: Path, content: bytes, name: str = "rides.csv", keep: int = 10) -> ScannedFile:
    (folder / name).write_bytes(content)
    return landing.scan(Folder(folder), LandedFile(name=name, table="rides"), folder, keep)


CONTENT = b"who,size\nann,3\nbob,4\n"


def test_a_file_is_known_by_the_hash_of_its_bytes(tmp_path: Path) -> None:
    landed = look(tmp_path, CONTENT)
    assert (landed.sha256, landed.size_bytes, landed.count) == (hashlib.sha256(CONTENT).hexdigest(), 21, 2)


def test_a_file_that_cannot_be_read_says_why_and_has_no_rows(tmp_path: Path) -> None:
    landed = look(tmp_path, b"")
    assert (landed.fault, landed.count) == ("rides.csv: expected a header line, got an empty file", 0)


@pytest.mark.parametrize(("keep", "batches"), [(2, [2]), (1, [1, 1])], ids=["kept", "read again"])
def test_a_short_file_is_kept_and_a_long_one_read_again(tmp_path: Path, keep: int, batches: list[int]) -> None:
    read = list(look(tmp_path, CONTENT, keep=keep).batches(max_rows=1))
    assert [each.count for each in read] == batches
    assert [who for each in read for who in each.well_formed["who"]] == ["ann", "bob"]


def test_a_long_file_that_was_changed_since_is_not_taken_for_the_one_that_was_looked_through(tmp_path: Path) -> None:
    landed = look(tmp_path, CONTENT, keep=1)
    (tmp_path / "rides.csv").write_bytes(CONTENT.replace(b"3", b"5"))
    with pytest.raises(DataError, match=r"rides.csv was changed during ingestion; nothing was ingested"):
        list(landed.batches(max_rows=1))


def test_a_short_file_that_grows_while_it_is_read_is_not_ingested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = formats.read

    def read_and_grow(name: str, file: IO[bytes], *options: Any) -> Iterator[Rows]:
        with (tmp_path / name).open("ab") as other:
            other.write(b"3\n")
        return read(name, file, *options)

    (tmp_path / "rides.csv").write_bytes(b"ride\n1\n2\n")
    monkeypatch.setattr(formats, "read", read_and_grow)
    with pytest.raises(DataError, match=r"rides.csv was changed during ingestion; nothing was ingested"):
        landing.scan(Folder(tmp_path), LandedFile(name="rides.csv", table="rides"), tmp_path)


def test_a_file_of_a_failing_disk_has_no_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> str:
        raise OSError(errno.EIO, "Input/output error")

    (tmp_path / "rides.csv").write_bytes(b"ride\n1\n")
    monkeypatch.setattr(landing, "_sha256", fail)
    assert landing.sha256(Folder(tmp_path), "rides.csv") == ""


def test_a_gzip_file_that_ends_early_has_no_rows_however_many_came_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "MAX_ROWS", 100)
    rows = b"".join(b"%d,%d\n" % (n, n * n % 997) for n in range(5000))
    landed = look(tmp_path, gzip.compress(b"who,size\n" + rows)[:-9], "rides.csv.gz")
    assert (landed.fault, landed.count, list(landed.batches(100))) == (
        "rides.csv.gz: expected a whole gzip file, but it ends early; land it again",
        0,
        [],
    )


def test_a_parquet_file_with_a_damaged_last_page_has_no_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "MAX_ROWS", 100)
    frame = pd.DataFrame({"who": [f"who{n}" for n in range(5000)]})
    frame.to_parquet(
        tmp_path / "whole.parquet",
        write_page_checksum=True,
        compression="none",
        use_dictionary=False,
        row_group_size=500,
    )
    content = bytearray((tmp_path / "whole.parquet").read_bytes())
    content[content.index(b"who4777")] ^= 1
    landed = look(tmp_path, bytes(content), "rides.parquet")
    assert landed.fault.startswith("rides.parquet: expected a whole Parquet file, got a damaged one")
    assert landed.count == 0


def test_a_file_that_vanished_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected the file .*rides.csv, but it is gone; land it"):
        landing.scan(Folder(tmp_path), LandedFile(name="rides.csv", table="rides"), tmp_path)
