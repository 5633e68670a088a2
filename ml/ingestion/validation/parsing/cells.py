"""Parsed distinct texts, and the masks of those that are refused."""

from dataclasses import dataclass

import pandas as pd

from ml.arrays import Booleans


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """The texts in `mask` are refused because they are not what is `expected`."""

    expected: str
    mask: Booleans


@dataclass(frozen=True, kw_only=True, slots=True)
class Cells:
    """The value of each distinct text, missing where it is empty or refused, and the refusals."""

    values: pd.Series
    refusals: tuple[Refusal, ...] = ()

    @classmethod
    def refusing(cls, values: pd.Series, *refused: tuple[str, Booleans]) -> "Cells":
        """Return `values` with those refusals, of an expectation and a mask, that have a text."""
        return cls(
            values=values,
            refusals=tuple(Refusal(expected=expected, mask=mask) for expected, mask in refused if mask.any()),
        )
