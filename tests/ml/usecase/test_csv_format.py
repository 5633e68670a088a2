"""A format of CSV files is checked when it is declared: what it says must be readable in one way only."""

from typing import Any

import pytest

from ml.errors import DeclarationError
from ml.usecase import CsvFormat, Table, identity

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"delimiter": ";;"}, "one ASCII character"),
    ({"delimiter": "a"}, "one ASCII character"),
    ({"delimiter": '"'}, "one ASCII character"),
    ({"delimiter": "\n"}, "one ASCII character"),
    ({"delimiter": "§"}, "one ASCII character"),
    ({"encoding": "latin-17"}, "a text encoding of Python"),
    ({"encoding": "base64"}, "a text encoding of Python"),
    ({"encoding": "unicode_escape"}, "a text encoding of Python"),
    ({"decimal": ",", "thousands": ","}, "two different marks"),
    ({"decimal": ";"}, "one of '.', ','"),
    ({"date_format": "%d.%m.%y"}, "date_format has each of"),
    ({"date_format": "%d.%m"}, "date_format has each of"),
    ({"date_format": "%d.%m.%Y %d"}, "date_format has each of"),
    ({"date_format": "%d.%m.%Y %H:%M"}, "date_format has each of"),
    ({"date_format": "%d.%m.%Y%"}, "date_format has each of"),
    ({"instant_format": "%d.%m.%Y"}, "instant_format has each of"),
    ({"instant_format": "%d.%m.%Y %I:%M"}, "%I and %p together"),
    ({"instant_format": "%d.%m.%Y %H:%M %p"}, "%I and %p together"),
    ({"timezone": "CEST"}, "an IANA name"),
    ({"yes": ("ja",), "no": ("Ja ",)}, "different texts"),
    ({"yes": ("",)}, "different texts"),
    ({"yes": "ja"}, "takes a tuple"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG, ids=[str(each) for each, _ in WRONG])
def test_what_cannot_be_read_in_one_way_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        CsvFormat(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"delimiter": "\t", "encoding": "cp1252"},
        {"decimal": ",", "thousands": " "},
        {"date_format": "%B %d, %Y", "timezone": "America/New_York", "ambiguous": "first"},
        {"instant_format": "%Y%m%d%H%M%S"},
        {"instant_format": "%b %d %Y %I:%M%p", "nonexistent": "shift"},
    ],
)
def test_usual_formats_can_be_declared(fields: dict[str, Any]) -> None:
    assert not CsvFormat(**fields).is_default


def test_delimiter_and_encoding_say_nothing_about_cells() -> None:
    assert not CsvFormat(delimiter=";", encoding="utf-16").changes_cells
    assert CsvFormat(delimiter=";", yes=("ja",)).changes_cells


def test_a_table_without_a_format_has_the_text_that_it_had() -> None:
    table = Table(name="rides", schema="Ride", key=("ride",))
    assert "csv" not in identity.text(table)
    assert "columns" not in identity.text(table)
    renamed = Table(
        name="rides", schema="Ride", key=("ride",), csv=CsvFormat(decimal=","), columns={"Ride no.": "ride"}
    )
    assert "decimal=','" in identity.text(renamed)
    assert "Ride no." in identity.text(renamed)
    assert hash(renamed)


def test_two_columns_of_a_file_cannot_have_one_name() -> None:
    with pytest.raises(DeclarationError, match="declared names in columns="):
        Table(name="rides", schema="Ride", key=("ride",), columns={"a": "ride", "b": "ride"})
