"""A night waits for its files for as long as its use case declares, and says for what."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include import usecases
from include.settings import Settings
from include.steps.ingest import arrivals
from include.stores import landing, night_gaps, warehouse
from ml.usecase import Arrival, UseCase
from tests.include.steps.conftest import without_a_source

MONTH = "2024-01-01"
CUTOFF = datetime(2024, 1, 1, 5, tzinfo=UTC)  # 05:00 in Lisbon
JUST_AFTER, AFTER_ONE_HOUR, AFTER_TWO_HOURS = (CUTOFF + timedelta(minutes=each) for each in (1, 61, 121))
Land = Callable[..., None]


@pytest.fixture
def land(home: Settings, gym: UseCase) -> Land:
    """A function that lands files for the month, written some seconds ago."""

    def put(*names: str, seconds_ago: float = 60) -> None:
        folder = Path(home.landing, gym.name, MONTH)
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / name).write_text("member\n")
            written = time.time() - seconds_ago
            os.utime(folder / name, (written, written))

    return put


@pytest.fixture(autouse=True)
def declared(gym: UseCase, monkeypatch: pytest.MonkeyPatch) -> UseCase:
    """The gym without a source; renewals are optional, and waited for during an hour."""
    without_a_source(monkeypatch)
    members, renewals = gym.tables
    case = replace(gym, tables=(members, replace(renewals, required=False)), arrival=Arrival(hours=2, optional_hours=1))
    monkeypatch.setattr(usecases, "get", lambda _: case)
    return case


def awaited(now: datetime) -> tuple[str, ...] | None:
    wait = arrivals.find_wait("gym", MONTH, now)
    return None if wait is None else (*wait.missing, *wait.unsettled, f"{wait.until:%H:%M}")


def test_a_night_waits_for_required_tables_and_for_a_while_for_optional_ones(land: Land) -> None:
    assert awaited(JUST_AFTER) == ("members", "renewals", "07:00")
    assert awaited(AFTER_ONE_HOUR) == ("members", "07:00")
    assert awaited(AFTER_TWO_HOURS) is None
    land("members.csv")
    assert awaited(JUST_AFTER) == ("renewals", "06:00")
    assert awaited(AFTER_ONE_HOUR) is None
    land("renewals.parquet")
    assert awaited(JUST_AFTER) is None


def test_a_file_that_is_still_written_is_waited_for(land: Land) -> None:
    land("renewals.csv")
    land("members.csv", seconds_ago=0)
    assert awaited(JUST_AFTER) == ("members.csv", "07:00")
    land("members.csv")
    assert awaited(JUST_AFTER) is None


def test_hidden_unfinished_and_strange_files_are_no_files_of_a_table(land: Land) -> None:
    land(".members.csv", "members.csv.part", "member.csv", "renewals.csv")
    assert awaited(JUST_AFTER) == ("members", "07:00")


def land_undecodable_name(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/members.\xff.csv")).write_text("member\n")


def land_link(folder: Path) -> None:
    folder.with_name("elsewhere.csv").write_text("member\n")
    (folder / "members.csv").symlink_to(folder.with_name("elsewhere.csv"))


def land_broken_link(folder: Path) -> None:
    (folder / "members.csv").symlink_to(folder / "nothing")


@pytest.mark.parametrize("land_unreadable", [land_undecodable_name, land_link, land_broken_link])
def test_what_cannot_be_read_as_a_file_neither_counts_as_arrived_nor_as_still_written(
    home: Settings, gym: UseCase, land: Land, land_unreadable: Callable[[Path], None]
) -> None:
    land("renewals.csv")
    land_unreadable(Path(home.landing, gym.name, MONTH))
    assert awaited(JUST_AFTER) == ("members", "07:00")
    wait = arrivals.find_wait("gym", MONTH, JUST_AFTER)
    assert wait is not None
    assert wait.unreadable[0].startswith("members.")
    land("members.late.csv")
    assert awaited(JUST_AFTER) is None


def test_a_linked_folder_of_the_night_is_waited_for_and_named(home: Settings, gym: UseCase, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder = Path(home.landing, gym.name, MONTH)
    folder.parent.mkdir(parents=True)
    folder.symlink_to(tmp_path / "elsewhere")
    wait = arrivals.find_wait("gym", MONTH, JUST_AFTER)
    assert wait is not None
    described = wait.describe("gym", gym.schedule.parse(MONTH), landing.Folder(folder))
    assert (
        f"land them, and the night starts by itself. {MONTH}: expected a folder at {folder}, got a file or" in described
    )


def test_a_file_that_goes_while_the_wait_is_found_is_noticed_by_the_next_look(
    home: Settings, gym: UseCase, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    land("members.csv", "renewals.csv", seconds_ago=0)
    listed = landing.list_files

    def list_then_remove(location: landing.Location, tables: list[str]) -> list[landing.LandedFile]:
        files = listed(location, tables)
        Path(home.landing, gym.name, MONTH, "members.csv").unlink(missing_ok=True)
        return files

    monkeypatch.setattr(landing, "list_files", list_then_remove)
    assert awaited(JUST_AFTER) == ("renewals.csv", "07:00")
    assert awaited(JUST_AFTER) == ("members", "renewals.csv", "07:00")


def test_nights_of_the_past_and_use_cases_with_a_source_never_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    assert arrivals.find_wait("gym", MONTH, datetime.now(UTC)) is None
    monkeypatch.setattr(usecases, "has_module", lambda name, part: part == "source")
    assert awaited(JUST_AFTER) is None


def test_the_alert_names_what_the_night_waits_for_and_ends_with_the_wait(home: Settings, declared: UseCase) -> None:
    engine = warehouse.engine(home.warehouse_url)
    wait = arrivals.find_wait("gym", MONTH, JUST_AFTER)
    assert wait is not None
    for _ in range(2):
        arrivals.announce("gym", MONTH, wait)
    (message,) = night_gaps.find(engine, declared, JUST_AFTER).waiting
    assert message == (
        f"gym 2024-01-01 waits in {home.landing}/gym/2024-01-01 for files of members, renewals, until 2024-01-01 07:00 "
        "UTC: land them, and the night starts by itself"
    )
    arrivals.finish("gym", MONTH)
    arrivals.finish("gym", MONTH)
    assert night_gaps.find(engine, declared, JUST_AFTER).waiting == ()
    assert warehouse.alerts(engine, "gym") == ()
