"""What is not a readable regular file is quarantined by name with its reason, is not followed, and stops no night."""

import contextlib
import errno
import json
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from include.cli.main import app
from include.steps import ingest
from include.steps.ingest import late_files
from include.stores import landing, ledger, warehouse
from include.stores.files import folders
from ml.errors import DataError
from tests.cases.conftest import NIGHT, ToyNight

SECRET = "sk-4f1d0c2b9e"  # a stand-in for a key outside of the landing area


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file with a secret, outside of the landing area."""
    path = tmp_path / "secrets" / "approval.key"
    path.parent.mkdir()
    path.write_text(f"{SECRET}\n{SECRET}\n")
    return path


def night_folder(rides: ToyNight) -> Path:
    """Return the folder in which the files of the night land."""
    location = landing.period_location(rides.settings.landing, "taxi", rides.case.schedule.parse(NIGHT))
    location.ensure_exists()
    return Path(str(location))


def link(path: Path, target: Path) -> None:
    path.symlink_to(target)


def link_to_itself(path: Path, target: Path) -> None:
    path.symlink_to(path.name)


def link_to_a_folder(path: Path, target: Path) -> None:
    path.symlink_to(target.parent)


def pipe(path: Path, target: Path) -> None:
    os.mkfifo(path)


def folder(path: Path, target: Path) -> None:
    path.mkdir()
    (path / "part.csv").write_text("who\n1\n")


def listening(path: Path, target: Path) -> None:
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)  # the address of a socket has at most 107 bytes


def undecodable(path: Path, target: Path) -> None:
    Path(f"{path}\udcff.csv").write_text("who\n1\n")


def two_lines(path: Path, target: Path) -> None:
    Path(f"{path}\n.csv").write_text("who\n1\n")


MAKERS: list[tuple[Callable[[Path, Path], None], str, str]] = [
    (link, "", "got a symbolic link, and links are not followed"),
    (link_to_itself, "", "got a symbolic link"),
    (link_to_a_folder, "", "got a symbolic link"),
    (pipe, "", "got a pipe"),
    (folder, "", "got a folder"),
    (listening, "", "got a socket"),
    (undecodable, "\\xff.csv", "expected a name of printable UTF-8 characters"),
    (two_lines, "\\n.csv", "expected a name of printable UTF-8 characters"),
]


@pytest.mark.parametrize("stem", ["bookings", "notes"])
def test_what_is_no_regular_file_is_quarantined_by_name_and_the_good_rows_are_taken(
    rides: ToyNight, secret: Path, stem: str
) -> None:
    path = night_folder(rides)
    for make, _, _ in MAKERS:
        make(path / f"{stem}.{make.__name__}.csv", secret)
    rides.ingest(rides_csv=b"ride_date,ride,zone,pickup_at,driver,minutes_late,ended_at\n")
    assert rides.valid("bookings")["ride"].tolist() == [1]
    files, alerts = rides.files(), {each.subject: each.message for each in rides.alerts()}
    for make, ending, reason in MAKERS:
        shown = f"{stem}.{make.__name__}.csv{ending}"
        assert reason in files[shown].reason
        assert files[shown].status in ("quarantined", "unknown table")
        assert reason in alerts[shown]
    assert not contains(rides.settings.home, SECRET, without=secret.parent)


def contains(home: Path, text: str, without: Path) -> list[Path]:
    """Return the files below `home`, without links, that contain `text`."""
    regular = (path for path in home.rglob("*") if path.is_file() and not path.is_symlink())
    paths = (path for path in regular if not path.is_relative_to(without))
    return [path for path in paths if text.encode() in path.read_bytes()]


def test_a_required_table_whose_only_file_is_a_link_is_a_failed_file(rides: ToyNight, secret: Path) -> None:
    (night_folder(rides) / "rides.csv").symlink_to(secret)
    rides.ingest()
    assert rides.files()["rides.csv"].status == "quarantined"
    assert (len(rides.valid("rides")), len(rides.valid("bookings"))) == (0, 1)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder outside of the landing area, with a file of a night in its own folder."""
    path = tmp_path / "elsewhere"
    (path / NIGHT).mkdir(parents=True)
    (path / NIGHT / "bookings.csv").write_text(SECRET)
    return path


REFUSED = "expected a folder at .*, got a file or a symbolic link, and links are not followed"


@pytest.mark.parametrize("make", [link, link_to_itself, pipe])
def test_a_night_that_is_no_folder_is_an_alert_with_its_name_and_other_nights_go_on(
    rides: ToyNight, elsewhere: Path, make: Callable[[Path, Path], None]
) -> None:
    folder = Path(rides.settings.landing) / "taxi" / NIGHT
    folder.parent.mkdir(parents=True)
    make(folder, elsewhere / NIGHT)
    with pytest.raises(DataError, match=f"expected a file of 'bookings' .* nothing was ingested. {NIGHT}: {REFUSED}"):
        ingest.ingest("taxi", NIGHT)
    (alert,) = rides.alerts()
    assert (alert.kind, alert.subject) == ("file", NIGHT)
    assert alert.message.startswith(f"{NIGHT}: unknown table, expected a folder at {folder}, got a file or")
    other = replace(rides, night="2024-03-18")
    other.ingest(rides_csv=b"ride_date,ride,zone,pickup_at,driver,minutes_late,ended_at\n")
    assert late_files.find("taxi") == {}
    folder.unlink()
    rides.ingest(rides_csv=b"ride_date,ride,zone,pickup_at,driver,minutes_late,ended_at\n")
    assert NIGHT not in [each.subject for each in rides.alerts()]
    assert not contains(rides.settings.home, SECRET, without=elsewhere)


def test_a_night_that_needs_no_file_has_the_link_among_its_quarantined_files(
    rides: ToyNight, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    optional = replace(rides.case, tables=tuple(replace(each, required=False) for each in rides.case.tables))
    monkeypatch.setattr("include.usecases.get", lambda _: optional)
    folder = Path(rides.settings.landing) / "taxi" / NIGHT
    folder.parent.mkdir(parents=True)
    folder.symlink_to(elsewhere / NIGHT)
    assert ingest.ingest("taxi", NIGHT)["rows_in"] == 0
    ((name, file),) = rides.files().items()
    assert (name, file.status) == (NIGHT, "unknown table")
    assert "links are not followed" in file.reason


def test_a_use_case_whose_folder_is_a_link_is_refused_and_the_others_go_on(
    rides: ToyNight, members: ToyNight, elsewhere: Path
) -> None:
    root = Path(rides.settings.landing)
    root.mkdir(parents=True)
    (root / "taxi").symlink_to(elsewhere)
    with pytest.raises(DataError, match=f"^{REFUSED}; put the folder itself there$"):
        ingest.ingest("taxi", NIGHT)
    assert members.ingest(members_csv=b"member,month,visits,joined_at\n")["rows_valid"] == 0
    assert not contains(rides.settings.home, SECRET, without=elsewhere)


def test_the_landing_folder_itself_may_be_a_link(rides: ToyNight, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    Path(rides.settings.landing).parent.mkdir(parents=True, exist_ok=True)
    Path(rides.settings.landing).symlink_to(tmp_path / "disk")
    rides.ingest(rides_csv=b"ride_date,ride,zone,pickup_at,driver,minutes_late,ended_at\n")
    assert rides.valid("bookings")["ride"].tolist() == [1]


def test_a_file_that_becomes_a_link_after_it_was_listed_is_not_followed(tmp_path: Path, secret: Path) -> None:
    location = landing.Folder(tmp_path / "in")
    location.put("rides.csv", b"who\n1\n")
    (listed,) = landing.list_files(location, ["rides"])
    (tmp_path / "in" / "rides.csv").unlink()
    (tmp_path / "in" / "rides.csv").symlink_to(secret)
    scanned = landing.scan(location, listed, tmp_path)
    assert (scanned.count, "got a symbolic link" in scanned.fault) == (0, True)
    assert landing.sha256(location, "rides.csv") == ""


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_a_file_that_the_system_does_not_read_is_quarantined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    location = landing.Folder(tmp_path / "in")
    location.put("rides.csv", b"who\n1\n")
    (listed,) = landing.list_files(location, ["rides"])
    monkeypatch.setattr(folders.os, "open", failing_for("rides.csv", code))
    scanned = landing.scan(location, listed, tmp_path)
    assert f"rides.csv: expected a file that can be read, got {os.strerror(code)!r}" in scanned.fault


def test_a_machine_without_descriptors_is_not_the_fault_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = landing.Folder(tmp_path / "in")
    location.put("rides.csv", b"who\n1\n")
    (listed,) = landing.list_files(location, ["rides"])
    monkeypatch.setattr(folders.os, "open", failing_for("rides.csv", errno.EMFILE))
    with pytest.raises(OSError, match="Too many open files"):
        landing.scan(location, listed, tmp_path)


def failing_for(name: str, code: int) -> Callable[..., int]:
    """Return `os.open` that fails for one name."""
    real = os.open

    def opening(path: str, *args: object, **options: object) -> int:
        if path == name:
            raise OSError(code, os.strerror(code))
        return real(path, *args, **options)  # type: ignore[arg-type]

    return opening


def test_a_file_past_the_bound_is_quarantined(rides: ToyNight, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.stores.files.locations.LARGEST_FILE", 200)
    rides.ingest(bookings_big_csv=b"x" * 201, rides_csv=b"ride_date,ride,zone,pickup_at,driver,minutes_late,ended_at\n")
    assert "expected files of at most 200 bytes, got 201" in rides.files()["bookings.big.csv"].reason
    assert rides.valid("bookings")["ride"].tolist() == [1]


def test_a_hostile_name_is_in_the_ledger_and_on_screen_in_printable_form(rides: ToyNight, secret: Path) -> None:
    undecodable(night_folder(rides) / "bookings", secret)
    rides.ingest(rides_csv=b"ride_date,ride,zone,pickup_at,driver,minutes_late,ended_at\n")
    entries = ledger.entries(warehouse.engine(rides.settings.warehouse_url), use_case="taxi")
    assert "bookings\\\\xff.csv" in json.dumps([each.payload for each in entries])
    shown = CliRunner().invoke(app, ["quarantine", "list", "taxi"], env={"COLUMNS": "300"})
    assert (shown.exit_code, "bookings\\xff.csv" in shown.output) == (0, True)
