"""A number of a request is taken or refused as the landing takes or refuses it, and is then the same number."""

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from ml.ingestion.validation import parsing
from ml.scoring import exact_numbers
from ml.scoring.exact_numbers import InexactNumber

FLOATS = some.floats(allow_nan=False, allow_infinity=False)
TEXTS = (
    some.from_regex(r"[+-]?([0-9]{1,25}\.?[0-9]{0,25}|\.[0-9]{1,9})([eE][+-]?[0-9]{1,3})?", fullmatch=True)
    | some.integers(-(2**70), 2**70).map(str)
    | some.integers(-(2**70), 2**70).map("{}.00".format)
    | FLOATS.map(repr)
    | FLOATS.map("{:.3f}".format)
)


@given(text=TEXTS)
@example("9007199254740993")
@example("9007199254740993.")
@example("9007199254740993.0")
@example("9007199254740993.5")
@example("9007199254740993e0")
@example("9007199254740994")
@example("1e-400")
@example("0e-400")
@example("-0.0")
@example(f"0.{'0' * 330}1")
@example(f"{'0' * 5000}1")
@example("5e-324")
@example("2e-324")
@example("1e999")
@example("1.7976931348623157e308")
def test_a_request_and_the_landing_agree_on_every_number(text: str) -> None:
    landed = parsing.parse(pd.Series([text]), "float64")
    number = exact_numbers.from_text(text)
    assert isinstance(number, InexactNumber) == landed.unreadable[0]
    if not isinstance(number, InexactNumber):
        assert number.hex() == landed.values[0].hex()


@given(value=some.integers(-(2**70), 2**70) | some.integers(-(10**320), 10**320))
@example(2**53 + 1)
@example(10**309)
@example(10**5000)
def test_an_integer_is_what_its_digits_are(value: int) -> None:
    number = exact_numbers.from_integer(value)
    if abs(value) < 10**4000:
        assert number == exact_numbers.from_text(str(value))
    assert isinstance(number, InexactNumber) or number == value


@pytest.mark.parametrize(
    ("number", "reported"),
    [
        pytest.param(exact_numbers.from_text("9007199254740993.0"), "a whole number that a 64-bit", id="rounded"),
        pytest.param(exact_numbers.from_text("1e-400"), "tell from 0", id="vanished"),
        pytest.param(exact_numbers.from_text("1e400"), "a finite number", id="without end"),
        pytest.param(exact_numbers.from_integer(2**53 + 1), "a whole number that a 64-bit", id="a rounded integer"),
        pytest.param(exact_numbers.from_integer(10**400), "a finite number", id="an integer without end"),
    ],
)
def test_a_number_that_is_not_stored_says_what_was_expected(number: object, reported: str) -> None:
    assert isinstance(number, InexactNumber)
    assert reported in number.expected
