"""Parsing of texts as numbers.

A float is a decimal number in ASCII digits, with an optional sign, fraction and exponent: `-1.5`, `.5`, `2e-3`. A whole
number is a sign and digits, and may end in `.0`, as programs write whole floats; it has no exponent, because a
spreadsheet writes `1.23457E+11` for an id whose other digits are lost, and because a float (of a Parquet file) does not
hold all whole numbers from 2⁵³ on. There are no separators between digits, and no texts for infinity or NaN.
"""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from ml.arrays import Booleans, Floats
from ml.ingestion.validation.parsing.cells import Cells

FLOATS = ("float64", "float32", "float16", "Float64", "Float32")
INTEGERS = tuple(f"{prefix}{bits}" for prefix in ("int", "uint", "Int", "UInt") for bits in (8, 16, 32, 64))
_WHOLE, _NOT_ZERO = r"^[+-]?[0-9]+(\.0*)?$", r"^[^eE]*[1-9]"
_EXACT_BELOW = 2**53
_EXPONENT = r"^[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)[eE][+-]?[0-9]+$"


def parse_floats(text: pl.Series, dtype: str) -> Cells:
    """Return texts parsed as floats, rounded to the nearest; a whole number that would be rounded is refused."""
    storage = np.dtype(dtype.lower())
    numbers = text.cast(pl.Float64, strict=False).to_numpy()
    stored = _round_once(text, numbers, storage)
    finite, limit = np.isfinite(numbers), np.finfo(storage).max
    unreadable = text.is_not_null().to_numpy() & ~finite
    beyond = finite & np.isinf(stored)
    inexact = finite & ~beyond & _rounds_whole_number(text, numbers, stored)
    vanished = (stored == 0) & _matches(text, stored == 0, _NOT_ZERO)
    refused = unreadable | beyond | inexact | vanished
    return Cells.refusing(
        pd.Series(np.where(refused, storage.type(np.nan), stored)).astype(pd.api.types.pandas_dtype(dtype)),
        ("a finite number", unreadable),
        (f"a number from -{limit} to {limit}", beyond),
        (f"a whole number with few enough digits for {dtype} (declare long ids as int or str)", inexact),
        (f"a number that {dtype} can tell from 0", vanished),
    )


def _round_once(text: pl.Series, numbers: Floats, storage: np.dtype[Any]) -> Floats:
    """Return `numbers`, the doubles nearest to the texts, as the numbers of `storage` nearest to the texts.

    A double that lies halfway between two of these says nothing about the side on which its text lies.
    """
    if storage == np.float64:
        return numbers
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        stored = numbers.astype(storage)
        rounded = stored.astype(np.float64)
        other = np.nextafter(stored, np.where(numbers > rounded, np.inf, -np.inf).astype(storage))
        halfway = np.isfinite(rounded) & (numbers != rounded) & ((rounded + other.astype(np.float64)) / 2 == numbers)
    for row in np.flatnonzero(halfway):
        given, double = Decimal(text[int(row)]), Decimal(float(numbers[row]))
        nearer_to_other = given > double if other[row] > stored[row] else given < double
        if nearer_to_other:
            stored[row] = other[row]
    return stored


def parse_integers(text: pl.Series, dtype: str) -> Cells:
    """Return texts parsed as whole numbers, exactly; the values have the nullable form of `dtype`."""
    bounds = np.iinfo(dtype.lower())
    wide = pl.UInt64 if bounds.min == 0 else pl.Int64
    parsed = text.str.strip_suffix(".0").cast(wide, strict=False)
    others = text.is_not_null() & parsed.is_null()
    if others.any():
        plain = text.filter(others).str.replace(r"^([+-]?[0-9]+)\.0*$", "$1").str.replace(r"^-(0+)$", "$1")
        parsed = parsed.scatter(others.arg_true(), plain.cast(wide, strict=False))
    missing = parsed.is_null().to_numpy()
    given = text.is_not_null().to_numpy() & missing
    numbers = parsed.fill_null(0).to_numpy()
    beyond = (numbers < bounds.min) | (numbers > bounds.max) | _matches(text, given, _WHOLE)
    exponents = _matches(text, given, _EXPONENT)
    inexact = exponents & _is_beyond_doubles(text, exponents)
    shortened = exponents & ~inexact
    masked = pd.arrays.IntegerArray(np.where(beyond, 0, numbers).astype(bounds.dtype), missing | beyond)
    return Cells.refusing(
        pd.Series(masked),
        (f"a whole number from {bounds.min} to {bounds.max}", beyond),
        ("a whole number with all its digits, which an exponent or a 32-bit float does not have", shortened),
        (f"a whole number below {_EXACT_BELOW}, or as an integer or text: a double cannot hold it exactly", inexact),
        ("a whole number", given & ~beyond & ~exponents),
    )


def _is_beyond_doubles(text: pl.Series, exponents: Booleans) -> Booleans:
    """Return which of the texts in the mask `exponents` are numbers from 2⁵³ on, which doubles do not hold exactly."""
    numbers = text.set(pl.Series(~exponents), None).str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    beyond: Booleans = (numbers.abs() >= _EXACT_BELOW).fill_null(value=False).to_numpy()
    return beyond


def _rounds_whole_number(text: pl.Series, numbers: Floats, stored: Floats) -> Booleans:
    """Return which texts are whole numbers, written in digits, that are not stored exactly."""
    digits = np.finfo(stored.dtype).nmant + 1
    rounded = np.zeros(len(text), bool)
    large = _matches(text, np.abs(numbers) >= 2.0**digits, _WHOLE)
    for index in np.flatnonzero(large & np.isfinite(stored)):
        rounded[index] = Decimal(text[int(index)]) != Decimal(float(stored[index]))
    return rounded


def _matches(text: pl.Series, among: Booleans, pattern: str) -> Booleans:
    """Return which of the texts in the mask `among` match `pattern`."""
    matches = np.zeros(len(text), bool)
    if among.any():
        matches[among] = text.filter(pl.Series(among)).str.contains(pattern).fill_null(value=False).to_numpy()
    return matches
