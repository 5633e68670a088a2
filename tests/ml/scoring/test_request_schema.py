"""What a client sends is completed from what is known, and anything that a model does not take is told by name."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ml.errors import ScoreRequestError
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
    ("row", "told"),
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
        pytest.param({"hour": "x" * 999, "zone": "a"}, r"got 'x{59}…$", id="what is shown is cut"),
    ],
)  # fmt: skip
def test_what_a_model_does_not_take_is_told(row: dict[str, object], told: str) -> None:
    with pytest.raises(ScoreRequestError, match=told):
        TAKEN.complete(row)


@pytest.mark.parametrize(
    ("columns", "data", "told"),
    [
        pytest.param(["a", "a"], [[1, 2]], "each once", id="a column twice"),
        pytest.param(["a", 1], [[1, 2]], "each once", id="a column that is no text"),
        pytest.param(["a"], [[1, 2]], "row 0: expected 1 cells", id="a cell too many"),
        pytest.param(["a"], [[1], []], "row 1: expected 1 cells", id="a cell too few"),
        pytest.param(["a"], [{"a": 1}], "row 0: expected 1 cells", id="no list of cells"),
    ],
)
def test_a_table_that_is_none_is_refused(columns: list[object], data: list[object], told: str) -> None:
    with pytest.raises(ScoreRequestError, match=told):
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
    ("body", "told"),
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
def test_a_file_that_is_no_rows_is_refused(body: bytes, told: str) -> None:
    with pytest.raises(ScoreRequestError, match=told):
        request_schema.rows_from_json(body)


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
