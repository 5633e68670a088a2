"""Files as another program writes them land without a script, and become the rows that they would be otherwise."""

import io
from collections.abc import Iterator
from dataclasses import replace
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from include import usecases
from ml.usecase import CsvFormat, UseCase
from tests.include.steps.conftest import Night

ZONE = "Europe/Berlin"
FORM = CsvFormat(delimiter=";", encoding="cp1252", decimal=",", date_format="%d.%m.%Y", timezone=ZONE)
NAMES = {
    "Fahrtdatum": "ride_date",
    "Fahrt-Nr.": "ride",
    "Zone": "zone",
    "Abholung (Ortszeit)": "pickup_at",
    "km": "kilometres",
}
pytestmark = pytest.mark.parametrize("night", ["folder"], indirect=True)


def in_german(content: bytes) -> bytes:
    """Return the bookings as a German spreadsheet exports them."""
    rows = pd.read_csv(io.BytesIO(content), dtype=str)
    local = pd.to_datetime(rows["pickup_at"], utc=True).dt.tz_convert(ZoneInfo(ZONE))
    rows["pickup_at"] = local.dt.strftime("%d.%m.%Y %H:%M:%S")
    rows["ride_date"] = pd.to_datetime(rows["ride_date"]).dt.strftime("%d.%m.%Y")
    rows["kilometres"] = [f"{float(each):.2f}".replace(".", ",") for each in rows["kilometres"]]
    named = rows.rename(columns={declared: name for name, declared in NAMES.items()})
    return named.to_csv(index=False, sep=";", lineterminator="\r\n").encode("cp1252")


@pytest.fixture
def declared(taxi: UseCase, monkeypatch: pytest.MonkeyPatch) -> Iterator[UseCase]:
    """The use case, whose bookings come as a German spreadsheet exports them."""
    tables = (replace(each, csv=FORM, columns=NAMES) if each.name == "bookings" else each for each in taxi.tables)
    case = replace(taxi, tables=tuple(tables))
    monkeypatch.setattr(usecases, "get", lambda _: case)
    return case


def bookings(night: Night) -> pd.DataFrame:
    return night.stage("valid", "bookings").sort_values("entity", ignore_index=True)


def test_a_spreadsheets_export_becomes_the_rows_of_the_plain_file(
    night: Night, declared: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = night.fetch("bookings.csv")
    with monkeypatch.context() as patch:
        plain = tuple(replace(each, csv=CsvFormat(), columns={}) for each in declared.tables)
        patch.setattr(usecases, "get", lambda _: replace(declared, tables=plain))
        night.take()
        expected = bookings(night)
    night.place.put("bookings.csv", in_german(content))
    night.take()
    pd.testing.assert_frame_equal(bookings(night), expected)


@pytest.mark.usefixtures("declared")
def test_a_cell_that_is_written_otherwise_is_quarantined_as_it_was_received(night: Night) -> None:
    header, first, *others = in_german(night.fetch("bookings.csv")).splitlines(keepends=True)
    cells = first.split(b";")
    cells[-1] = b"7.5\r\n"
    night.place.put("bookings.csv", b"".join([header, b";".join(cells), *others]))
    night.take()
    (row,) = night.stage("quarantine", "bookings").to_dict("records")
    assert row["reasons"] == "kilometres: expected a number with the decimal mark ',', got '7.5'"
    assert '"7.5"' in row["text"]
    assert '"pickup_at": "17.03.2024' in row["text"] or '"pickup_at": "16.03.2024' in row["text"]


def test_a_wrong_delimiter_refuses_the_file_in_one_sentence(night: Night) -> None:
    night.place.put("bookings.csv", night.fetch("bookings.csv").replace(b",", b";"))
    night.take()
    (message,) = [each.message for each in night.alerts() if "delimiter" in each.message]
    assert "bookings.csv: expected columns separated by ',', got one column; ';' is probably the delimiter" in message
    assert night.stage("quarantine", "bookings").empty
