"""What a client sends is completed from what is known, and anything that a model does not take is told by name."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some

from ml.errors import ScoreRequestError
from ml.ingestion.validation import parsing
from ml.scoring import request_schema
from ml.scoring.encoder import Encoder
from ml.scoring.request_schema import RequestSchema

TAKEN = RequestSchema.from_encoder(Encoder(levels={"hour": None, "zone": ("a", "b")}))


def test_the_row_goes_before_what_is_known_of_its_entity() -> None:
    known = {"hour": 3.0, "zone": "a", "another": 1.0}
    assert TAKEN.complete({"entity": "e"}, known) == {"hour": 3.0, "zone": "a"}
    assert TAKEN.complete({"entity": "e", "hour": 4}, known) == {"hour": 4.0, "zone": "a"}
    assert TAKEN.complete({"zone": None, "hour": None}) == {"hour": None, "zone": None}


@pytest.mark.parametrize(
    ("row", "reported"),
    [
        pytest.param({"hour": 1.0}, "lacking: 'zone'; send null", id="a feature is lacking"),
        pytest.param({}, "lacking: 'hour', 'zone'", id="all are"),
        pytest.param({"hour": 1.0, "zone": "a", "colour": 1}, "got 'colour': leave it out", id="an unknown column"),
        pytest.param({"hour": "1", "zone": "a"}, "hour: expected a number or null, got '1'", id="a text for a number"),
        pytest.param({"hour": 1.0, "zone": 1}, "zone: expected a text or null, got 1", id="a number for a text"),
        pytest.param({"hour": [1.0], "zone": "a"}, "hour: expected a number or null", id="a list"),
        pytest.param({"hour": math.inf, "zone": "a"}, "a finite number or null, got inf", id="infinity"),
        pytest.param({"hour": math.nan, "zone": "a"}, "a finite number or null, got nan", id="no number"),
        pytest.param({"hour": 10**400, "zone": "a"}, "a finite number or null, got 1000", id="a number without end"),
        pytest.param({"hour": 2**53 + 1, "zone": "a"}, "hour: expected a whole number that a 64-bit float stores exactly.* or null, got 9007199254740993$", id="a whole number that is rounded"),
        pytest.param({"hour": 1.0, "zone": "a\0"}, r"zone: expected a text without NUL .*, got 'a\\x00'", id="a NUL"),
        pytest.param({"hour": 1.0, "zone": "\ud800"}, r"zone: expected a text without NUL .*, got '\\ud800'", id="half of a character"),
        pytest.param({"hour": "x" * 999, "zone": "a"}, r"got 'x{59}…$", id="what is shown is cut"),
    ],
)  # fmt: skip
def test_what_a_model_does_not_take_is_told(row: dict[str, object], reported: str) -> None:
    with pytest.raises(ScoreRequestError, match=reported):
        TAKEN.complete(row)


@pytest.mark.parametrize(
    ("sent", "taken"),
    [(" a", "a"), ("a\t\r\n", "a"), ("\u00a0\u3000a\u2003", "a"), ("a b", "a b"), ("", None), (" \u2028 ", None), ("\x1fa", "\x1fa")],
)  # fmt: skip
def test_a_text_is_the_one_that_lands(sent: str, taken: str | None) -> None:
    landed = parsing.parse(pd.Series([sent]), "str").values[0]
    assert TAKEN.complete({"hour": 1.0, "zone": sent})["zone"] == taken == (None if pd.isna(landed) else landed)


def test_white_space_is_that_of_the_landing() -> None:
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    stripped = parsing.parse(pd.Series(characters), "str").values
    blank = [each for each, landed in zip(characters, stripped, strict=True) if pd.isna(landed)]
    assert sorted(request_schema.WHITE_SPACE) == blank


@pytest.mark.parametrize(("sent", "taken"), [(" a", " a"), ("", ""), (" a ", "a"), ("b ", "b"), (" ", None)])
def test_a_level_that_was_computed_is_taken_as_it_is(sent: str, taken: str | None) -> None:
    schema = RequestSchema.from_encoder(Encoder(levels={"hour": None, "zone": ("", " a", "a", "b")}))
    assert schema.complete({"hour": 1.0, "zone": sent})["zone"] == taken


@pytest.mark.parametrize(("sent", "taken"), [(True, 1.0), (False, 0.0), (3, 3.0), (2**70, 2.0**70), (-0.0, -0.0), (5e-324, 5e-324)])  # fmt: skip
def test_a_number_is_taken_as_a_float(sent: float, taken: float) -> None:
    number = TAKEN.complete({"hour": sent, "zone": None})["hour"]
    assert isinstance(number, float)
    assert number.hex() == taken.hex()


@pytest.mark.parametrize(
    ("columns", "data", "reported"),
    [
        pytest.param(["a", "a"], [[1, 2]], "each once", id="a column twice"),
        pytest.param(["a", 1], [[1, 2]], "each once", id="a column that is no text"),
        pytest.param(["a"], [[1, 2]], "row 0: expected 1 cells", id="a cell too many"),
        pytest.param(["a"], [[1], []], "row 1: expected 1 cells", id="a cell too few"),
        pytest.param(["a"], [{"a": 1}], "row 0: expected 1 cells", id="no list of cells"),
    ],
)
def test_a_table_that_is_none_is_refused(columns: list[object], data: list[object], reported: str) -> None:
    with pytest.raises(ScoreRequestError, match=reported):
        request_schema.rows_from_columns(columns, data)


def test_an_entity_is_a_text() -> None:
    assert request_schema.entity_key({"entity": "e"}) == "e"
    assert request_schema.entity_key({"hour": 1}) is None
    with pytest.raises(ScoreRequestError, match="entity: expected a text"):
        request_schema.entity_key({"entity": 7})


def test_the_rows_of_a_file_are_read_from_csv_and_from_json() -> None:
    rows = [{"hour": 1.5, "zone": "a"}, {"hour": None, "zone": "b"}]
    assert request_schema.rows_from_csv(b"zone,hour\na,1.5\nb,\n", TAKEN) == [
        dict(sorted(row.items(), reverse=True)) for row in rows
    ]
    assert request_schema.rows_from_json(b'[{"hour": 1.5, "zone": "a"}, {"hour": null, "zone": "b"}]') == rows


@pytest.mark.parametrize(
    ("body", "reported"),
    [
        pytest.param(b"[", "expected JSON, but: ", id="no JSON"),
        pytest.param(b'[{"hour": Infinity}]', "Infinity is not JSON; send null", id="infinity"),
        pytest.param(b'["\xff"]', "expected JSON, but: ", id="bad UTF-8"),
        pytest.param(b"[" * 100_000, "expected JSON, but: ", id="too deep"),
        pytest.param(b"{}", "expected a list of objects, each a row of features, got {}", id="no list"),
        pytest.param(
            b'[{"hour": 1, "h\\u006fur": 2}]', "each name once in an object, got 'hour' twice", id="a name twice"
        ),
        pytest.param(b"[1]", r"expected a list of objects, each a row of features, got \[1\]", id="no objects"),
    ],
)
def test_a_file_that_is_no_rows_is_refused(body: bytes, reported: str) -> None:
    with pytest.raises(ScoreRequestError, match=reported):
        request_schema.rows_from_json(body)


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        pytest.param("9007199254740993", "a whole number that a 64-bit float stores exactly", id="rounded"),
        pytest.param(" 9007199254740993.0", "a whole number that a 64-bit float stores exactly", id="rounded, with a point"),
        pytest.param("1e-400", "a number that a 64-bit float can tell from 0", id="vanished"),
        pytest.param("1e400", "a finite number", id="without end"),
    ],
)  # fmt: skip
def test_a_number_that_a_float_does_not_store_is_refused_in_files(text: str, reported: str) -> None:
    with pytest.raises(ScoreRequestError, match=f"hour: expected {reported}.* or nothing, got {text.strip()}$"):
        request_schema.rows_from_csv(f"zone,hour\na,{text}\n".encode(), TAKEN)
    (row,) = request_schema.rows_from_json(f'[{{"zone": "a", "hour": {text}}}]'.encode())
    with pytest.raises(ScoreRequestError, match=f"hour: expected {reported}.* or null, got {text.strip()}$"):
        TAKEN.complete(row)


def test_a_blank_cell_of_csv_is_a_missing_value() -> None:
    (row,) = request_schema.rows_from_csv(b"zone,hour\n \t,\xc2\xa0 \n", TAKEN)
    assert TAKEN.complete(row) == {"hour": None, "zone": None}


@pytest.mark.parametrize(
    "text",
    ["1_000", "\uff11\uff10", "\u0661", "nan", "inf", "-Infinity", "0x10", "1e", ".", "+", "1,5", "1 0", "1.2.3", "\u00a01", "e5", "1e5.0"],
)  # fmt: skip
def test_a_number_of_csv_is_spelt_in_ascii_digits(text: str) -> None:
    with pytest.raises(ScoreRequestError, match="hour: expected a number or nothing"):
        request_schema.rows_from_csv(f'zone,hour\na,"{text}"\n'.encode(), TAKEN)


@given(
    number=some.floats(allow_nan=False, allow_infinity=False), spelling=some.sampled_from(["{!r}", " {:+e} ", "{:.3f}"])
)
def test_every_finite_number_is_read_from_csv_as_it_is_spelt(number: float, spelling: str) -> None:
    text = spelling.format(number)
    (row,) = request_schema.rows_from_csv(f"zone,hour\na,{text}\n".encode(), TAKEN)
    assert row["hour"] == float(text)
