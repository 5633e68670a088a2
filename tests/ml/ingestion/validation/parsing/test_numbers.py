"""A number is read exactly, or rounded to the nearest float, or refused, over the whole range of its type."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.ingestion.validation import parsing
from ml.ingestion.validation.parsing import numbers

WIDE = st.integers(-(2**65), 2**65) | st.sampled_from(
    [
        sign * 2**bits + step
        for bits in (7, 8, 15, 16, 24, 31, 32, 53, 63, 64)
        for sign in (-1, 1)
        for step in (-1, 0, 1)
    ]
)


def read(dtype: str, *texts: str) -> list[object]:
    """Return the value of each text; None if it is refused."""
    column = parsing.parse(pd.Series(list(texts)), dtype)
    return [None if pd.isna(value) else value for value in column.to_series(pd.RangeIndex(len(texts))).astype(object)]


HALF = {"float32": Fraction(1, 2**24), "float16": Fraction(1, 2**11)}


@pytest.mark.parametrize("dtype", HALF)
@given(st.integers(-3, 3), st.integers(0, 5))
def test_a_text_beside_the_middle_of_two_floats_goes_to_its_side(dtype: str, side: int, place: int) -> None:
    """The nearest double of such a text is the middle itself, which says nothing about the side."""
    step = 2 * HALF[dtype]
    low, high = 1 + place * step, 1 + (place + 1) * step
    text = f"{Decimal((low + HALF[dtype]).numerator) / (low + HALF[dtype]).denominator + side * Decimal(10) ** -25:f}"
    expected = float(low) if side < 0 or (side == 0 and place % 2 == 0) else float(high)
    assert read(dtype, text) == [expected]
    assert read(dtype, f"-{text}") == [-expected]


@pytest.mark.parametrize("dtype", numbers.INTEGERS)
@given(WIDE, st.sampled_from(["{}", "{}.0", "{}.", " {} "]))
def test_a_whole_number_is_exact_or_refused_with_the_bounds(dtype: str, number: int, form: str) -> None:
    bounds = np.iinfo(dtype.lower())
    column = parsing.parse(pd.Series([form.format(number), "1"]), dtype)
    values = column.to_series(pd.RangeIndex(2)).astype(object).tolist()
    if bounds.min <= number <= bounds.max:
        assert (values, column.refusals) == ([number, 1], ())
    else:
        assert (pd.isna(values[0]), values[1]) == (True, 1)
        assert column.refusals[0].expected == f"a whole number from {bounds.min} to {bounds.max}"


NO_NUMBERS = [
    "1_000",
    "1,000",
    "0x10",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "Infinity",
    "١٢",
    "１２",
    "1 000",
    "--1",
    "1e",
    "",
    ".",
]
NOT_WHOLE = ["1.23457E+11", "1,23457E+11", "1e5", "1.5", "1.00001", "5e-1", "true"]


@pytest.mark.parametrize("dtype", numbers.INTEGERS)
@pytest.mark.parametrize("text", [*NO_NUMBERS, *NOT_WHOLE])
def test_what_is_no_whole_number_is_refused(dtype: str, text: str) -> None:
    assert read(dtype, text, "7") == [None, 7]


@pytest.mark.parametrize("dtype", numbers.FLOATS)
@pytest.mark.parametrize("text", [*NO_NUMBERS, "1e999", "1.5.1", "true"])
def test_what_is_no_finite_number_is_refused(dtype: str, text: str) -> None:
    assert read(dtype, text, "7") == [None, 7.0]


@pytest.mark.parametrize("dtype", numbers.FLOATS)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_the_nearest_of_its_type_or_refused(dtype: str, number: float) -> None:
    storage = np.dtype(dtype.lower())
    with np.errstate(over="ignore", under="ignore"):
        nearest = float(storage.type(number))
    (value,) = read(dtype, repr(number))
    if not np.isfinite(nearest) or (nearest == 0) != (number == 0):
        assert value is None
    elif value is None:
        assert number.is_integer()
        assert nearest != number
    else:
        assert value == nearest


@pytest.mark.parametrize("dtype", numbers.FLOATS)
@given(WIDE)
def test_a_whole_number_in_a_float_column_is_exact_or_refused(dtype: str, number: int) -> None:
    (value,) = read(dtype, str(number))
    assert value is None or Fraction(float(value)) == number  # type: ignore[arg-type]
    if abs(number) <= 2 ** np.finfo(dtype.lower()).nmant:
        assert value == number


@given(st.lists(st.text("0123456789+-.eE_, ", max_size=22), max_size=6))
@pytest.mark.parametrize("dtype", ["int64", "Int8", "uint64", "float64", "float32"])
def test_the_value_of_a_cell_does_not_depend_on_other_cells(dtype: str, texts: list[str]) -> None:
    assert read(dtype, *texts) == [read(dtype, text)[0] for text in texts]
