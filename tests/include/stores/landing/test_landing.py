"""Files belong to tables by name, and are known by the hash of their bytes."""

import hashlib
from pathlib import Path

import pytest

from include.stores import landing
from include.stores.landing import Arrival, Folder
from ml import nights
from ml.errors import DataError


@pytest.mark.parametrize(
    ("address", "expected"),
    [("/landing", "/landing/taxi/2013-02-08"), ("s3://files/in", "s3://files/in/taxi/2013-02-08")],
)
def test_each_period_of_a_use_case_has_a_place(address: str, expected: str) -> None:
    assert str(landing.place(address, "taxi", nights.parse("2013-02-08"))) == expected


def test_files_belong_to_the_table_that_their_name_begins_with_and_parts_come_after(tmp_path: Path) -> None:
    for name in ("rides.late.csv", "rides.csv", "ride.csv", ".rides.csv.x", "rides.csv.part", "_SUCCESS"):
        (tmp_path / name).write_bytes(b"")
    assert landing.arrivals(Folder(tmp_path), ["rides"]) == [
        Arrival(name="ride.csv", table=None),
        Arrival(name="rides.csv", table="rides"),
        Arrival(name="rides.late.csv", table="rides"),
    ]


def test_a_place_where_nothing_landed_has_no_files(tmp_path: Path) -> None:
    assert landing.arrivals(Folder(tmp_path / "nowhere"), ["rides"]) == []


def test_a_file_is_known_by_the_hash_of_its_bytes(tmp_path: Path) -> None:
    content = b"who,size\nann,3\n"
    (tmp_path / "rides.csv").write_bytes(content)
    landed = landing.read(Folder(tmp_path), Arrival(name="rides.csv", table="rides"))
    assert (landed.sha256, landed.size_bytes, landed.rows.count) == (hashlib.sha256(content).hexdigest(), 15, 1)


def test_a_file_that_cannot_be_read_says_why_and_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "rides.csv").write_bytes(b"")
    landed = landing.read(Folder(tmp_path), Arrival(name="rides.csv", table="rides"))
    assert (landed.fault, landed.rows.count) == ("rides.csv: expected a header line, got an empty file", 0)


def test_a_file_that_vanished_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected the file .*rides.csv, but it is gone; land it"):
        Folder(tmp_path).fetch("rides.csv")
