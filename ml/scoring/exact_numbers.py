"""Numbers of requests as 64-bit floats, by the rules of landed floats (`ml.ingestion.validation.parsing.numbers`).

Fractions and exponents are rounded to the nearest float. A whole number written in digits must be exact, and a number
other than 0 must not become 0.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from math import inf

EXACT_BELOW = 2.0**53  # every whole number below it is a 64-bit float
_WHOLE, _NOT_ZERO = re.compile(r"[+-]?[0-9]+(\.0*)?"), re.compile(r"[^eE]*[1-9]")


@dataclass(frozen=True, slots=True, repr=False)
class InexactNumber:
    """A number that no 64-bit float stores; it is in a row until the check of its feature refuses it."""

    text: str
    expected: str

    def __repr__(self) -> str:
        return self.text


def from_text(text: str) -> float | InexactNumber:
    """Return the number `text`, in ASCII digits with an optional sign, fraction and exponent.

    >>> from_text("-1.5"), from_text("9007199254740993"), from_text("9007199254740994"), from_text("1e-400")
    (-1.5, 9007199254740993, 9007199254740994.0, 1e-400)
    """
    number = float(text)
    if number and -EXACT_BELOW < number < EXACT_BELOW:
        return number
    if number in (inf, -inf):
        return InexactNumber(text, "a finite number")
    if not number:
        return InexactNumber(text, "a number that a 64-bit float can tell from 0") if _NOT_ZERO.match(text) else number
    if _WHOLE.fullmatch(text) and Decimal(text) != Decimal(number):
        return _rounded(text)
    return number


def from_integer(value: int) -> float | InexactNumber:
    """Return a whole number as a float."""
    try:
        number = float(value)
    except OverflowError:
        return InexactNumber(
            repr(value) if value.bit_length() < 10_000 else "one of thousands of digits", "a finite number"
        )
    return number if number == value else _rounded(repr(value))


def _rounded(text: str) -> InexactNumber:
    return InexactNumber(text, "a whole number that a 64-bit float stores exactly, as each below 9007199254740992,")
