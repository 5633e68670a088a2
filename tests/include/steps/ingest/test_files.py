"""The ledger of files: each known by its bytes, taken once, and every revision kept."""

from collections.abc import Callable
from pathlib import Path

import pytest

from include import usecases
from include.settings import Settings
from include.steps import ingest
from include.stores import lake, landing, warehouse
from include.stores.landing import Location
from include.stores.warehouse import FileRevision
from ml.usecase import periods
from tests.include.steps.conftest import NIGHT, Night

NEXT = "2024-03-18"

pytestmark = pytest.mark.parametrize("night", ["folder"], indirect=True)


def draw(night: Night, key: str, tmp_path: Path) -> Location:
    """Let the files of another night land."""
    place = landing.period_location(night.where.landing, "taxi", periods.parse(key))
    usecases.module("taxi", "source").land(tmp_path / key, periods.parse(key), night.where.data)
    for path in (tmp_path / key).iterdir():
        place.put(path.name, path.read_bytes())
    return place


def count(night: Night, table: str, key: str) -> int:
    return len(lake.read(lake.address(night.where.lake, "taxi", "valid", table), key, key))


def reported(night: Night, key: str) -> dict[str, FileRevision]:
    engine = warehouse.engine(night.where.warehouse_url)
    return {each.name: each for each in warehouse.files(engine, "taxi", key)}


def test_every_file_is_known_with_what_became_of_it(night: Night) -> None:
    night.take()
    assert {name: (each.status, each.rows_in) for name, each in night.files().items()} == {
        "bookings.csv": ("ingested", 60),
        "rides.csv": ("ingested", 60),
        "traffic.csv": ("ingested", 72),
    }


def test_the_same_bytes_twice_in_a_night_are_taken_once(night: Night) -> None:
    night.place.put("rides.again.csv", night.fetch("rides.csv"))
    counts = night.take()
    again = night.files()["rides.again.csv"]
    assert (again.status, again.reason) == ("duplicate", f"the same bytes as rides.csv of {NIGHT}")
    assert (counts["rows_in"], len(night.stage("valid", "rides"))) == (192, 60)


def test_the_same_bytes_on_another_night_are_taken_once_and_told(night: Night, tmp_path: Path) -> None:
    night.take()
    later = draw(night, NEXT, tmp_path)
    later.put("rides.again.csv", night.fetch("rides.csv"))
    ingest.ingest("taxi", NEXT)
    assert reported(night, NEXT)["rides.again.csv"].reason == f"the same bytes as rides.csv of {NIGHT}"
    assert count(night, "rides", NEXT) == 60


def test_a_late_part_is_added_and_supersedes_rows_of_the_same_key(night: Night) -> None:
    lines = night.fetch("bookings.csv").decode().splitlines(keepends=True)
    night.place.put("bookings.csv", "".join(lines[:-10]).encode())
    night.take()
    night.place.put("bookings.late.csv", "".join([lines[0], *lines[-12:]]).encode())
    night.take()
    held = night.stage("quarantine", "bookings")
    assert len(night.stage("valid", "bookings")) == 60
    assert (held["file"] == "bookings.csv").all()
    assert len(held) == 2


def test_a_file_that_is_taken_away_takes_its_rows_with_it(night: Night) -> None:
    night.place.put("traffic.more.csv", night.fetch("traffic.csv").replace(b"2024-03-16T", b"2024-03-15T"))
    night.take()
    night.remove("traffic.more.csv")
    night.take()
    assert ("traffic.more.csv" in night.files(), len(night.stage("valid", "traffic"))) == (False, 72)


def test_a_file_of_no_table_is_told_and_the_others_are_taken(night: Night) -> None:
    night.place.put("rydes.csv", b"who\n1\n")
    assert night.take()["rows_in"] == 192
    assert (
        night.files()["rydes.csv"].reason
        == "expected a name that begins with a table's (bookings, rides, traffic) and a dot"
    )
    assert [alert.subject for alert in night.alerts()] == ["rydes.csv"]


def test_every_revision_of_a_file_is_kept(night: Night) -> None:
    good = night.fetch("bookings.csv")
    for content in (good, b"", good, good):
        night.place.put("bookings.csv", content)
        night.take()
    engine = warehouse.engine(night.where.warehouse_url)
    with engine.connect() as connection:
        query = "SELECT revision, status FROM files WHERE name = 'bookings.csv' AND period = '2024-03-17' ORDER BY 1"
        assert connection.exec_driver_sql(query).fetchall() == [(1, "ingested"), (2, "quarantined"), (3, "ingested")]


def test_an_earlier_night_that_comes_later_owns_its_bytes(
    night: Night, tmp_path: Path, arrive: Callable[[str], Settings]
) -> None:
    later = draw(night, NEXT, tmp_path)
    later.put("rides.again.csv", night.fetch("rides.csv"))
    ingest.ingest("taxi", NEXT)
    assert reported(night, NEXT)["rides.again.csv"].status == "ingested"
    night.take()
    assert (reported(night, NEXT)["rides.again.csv"].status, count(night, "rides", NEXT)) == ("duplicate", 60)


def test_a_window_that_takes_a_night_anew_takes_the_same_bytes_again_for_it_replaces_them(
    night: Night, tmp_path: Path
) -> None:
    night.take()
    both = f"{NIGHT}..{NEXT}"
    wider = draw(night, both, tmp_path)
    wider.put("traffic.csv", night.fetch("traffic.csv"))
    ingest.ingest("taxi", both)
    assert {name: each.status for name, each in reported(night, both).items()} == dict.fromkeys(
        night.files(), "ingested"
    )
    assert count(night, "traffic", NIGHT) == 72
    night.take()
    assert {each.status for each in reported(night, both).values()} == {"ingested"}
    assert count(night, "traffic", NIGHT) == 72
