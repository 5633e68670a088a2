"""A night is incomplete when all files of a required table are quarantined; nothing else makes it so."""

from collections.abc import Callable
from pathlib import Path

import pytest

from include import usecases
from include.settings import Settings, load_settings
from include.steps import ingest, missed_nights
from include.steps.ingest import required_tables
from include.stores import lake, warehouse
from ml.errors import DataError
from ml.usecase import periods
from tests.include.steps.conftest import HISTORY, NIGHT, without_a_source


@pytest.fixture
def land(arrive: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the night after the history, with its files, not ingested yet."""
    settings = arrive("ingest a night")
    folder = Path(settings.landing, "taxi", NIGHT)
    usecases.module("taxi", "source").land(folder, periods.parse(NIGHT), settings.data)
    without_a_source(monkeypatch)
    return folder


def nights_of(table: str) -> list[str]:
    return [str(each) for each in lake.nights(lake.address(load_settings().lake, "taxi", "valid", table))]


def file_alerts() -> list[str]:
    engine, night = warehouse.engine(load_settings().warehouse_url), periods.parse(NIGHT).last
    return [each.subject for each in warehouse.alerts(engine, "taxi", night, night) if each.kind == "file"]


def test_a_required_table_without_a_usable_file_stops_the_night_after_the_others_were_ingested(land: Path) -> None:
    (land / "bookings.csv").write_text("no such column\n1\n")
    ingest.ingest("taxi", NIGHT)
    expected = (
        f"expected rows of bookings for taxi {NIGHT}, but nothing was ingested, because the files are quarantined: "
        r"bookings.csv: .*Correct the files, land them again and clear this task"
    )
    for _ in range(2):
        with pytest.raises(DataError, match=expected):
            required_tables.check("taxi", NIGHT)
    assert NIGHT in nights_of("rides")
    assert NIGHT not in nights_of("bookings")
    assert file_alerts() == ["bookings.csv"]
    with pytest.raises(DataError, match="expected rows of bookings"):
        missed_nights.make_up("taxi", NIGHT)


@pytest.mark.parametrize("content", ["broken", "empty", "twice"])
def test_a_table_of_which_something_was_ingested_and_one_without_rows_stop_nothing(land: Path, content: str) -> None:
    bookings = land / "bookings.csv"
    if content == "broken":
        (land / "bookings.late.csv").write_text("no such column\n1\n")
    elif content == "empty":
        bookings.write_text(bookings.read_text().splitlines()[0] + "\n")
    else:
        bookings.write_bytes((land.parent / HISTORY / "bookings.csv").read_bytes())
    ingest.ingest("taxi", NIGHT)
    required_tables.check("taxi", NIGHT)
