"""Bins of a reference column: the counts that the shares of rows in the reference and in current rows are compared by.

The bins do not need the rows that they were counted on, so a package can keep them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import Floats

_BINS = 10
_MISSING = "missing"


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberBins:
    """Counts of numbers in the bins between `edges`, one more than these, and of missing values.

    A bin includes its lower edge and excludes its upper one.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int

    def shares(self, current: pd.Series) -> tuple[Floats, Floats]:
        """Return the shares of the rows in each bin, and of missing values: in the reference, and in `current`."""
        counted = _count_numbers(current, np.array(self.edges, np.float64))
        return _number_shares(self), _number_shares(counted)


@dataclass(frozen=True, kw_only=True, slots=True)
class LevelBins:
    """Counts of the levels of a category, by their text, and of missing values."""

    counts: Mapping[str, int]
    missing: int

    def shares(self, current: pd.Series) -> tuple[Floats, Floats]:
        """Return the shares of the rows of each level of either: in the reference, and in `current`.

        Missing values count as a level with the text "missing".
        """
        expected, actual = _level_shares(self), _level_shares(count_levels(current))
        levels = sorted(expected.keys() | actual.keys())
        reference_shares, current_shares = (
            np.array([each.get(level, 0.0) for level in levels], np.float64) for each in (expected, actual)
        )
        return reference_shares, current_shares


Bins = NumberBins | LevelBins


def count_numbers(reference: pd.Series) -> NumberBins:
    """Return ten bins of equal count of `reference`; a value that would fill several bins has a bin of its own.

    >>> count_numbers(pd.Series([1.0] * 5 + [2.0] * 5 + [None]))
    NumberBins(edges=(1.0, 1.0000000000000002, 1.5, 2.0, 2.0000000000000004), counts=(0, 5, 0, 0, 5, 0), missing=1)
    """
    present = reference.dropna().to_numpy(np.float64)
    inner = np.linspace(0, 1, _BINS + 1)[1:-1]
    with np.errstate(invalid="ignore"):  # quantiles between infinite values are NaN
        cuts, repeats = np.unique(np.quantile(present, inner) if len(present) else np.zeros(0), return_counts=True)
    edges = np.unique(np.append(cuts, np.nextafter(cuts[repeats > 1], np.inf)))
    return _count_numbers(reference, edges)


def count_levels(column: pd.Series) -> LevelBins:
    """Return the counts of the levels that occur in `column`, in the order of their text.

    >>> count_levels(pd.Series(["west", "east", None, "west"]))
    LevelBins(counts={'east': 1, 'west': 2}, missing=1)
    """
    counts: dict[str, int] = {}
    for level, count in column.value_counts().items():
        if count:
            counts[str(level)] = counts.get(str(level), 0) + int(count)
    return LevelBins(counts=dict(sorted(counts.items())), missing=int(column.isna().sum()))


def _count_numbers(column: pd.Series, edges: Floats) -> NumberBins:
    values = column.to_numpy(np.float64)
    missing = np.isnan(values)
    counts = np.bincount(np.searchsorted(edges, values[~missing], side="right"), minlength=len(edges) + 1)
    return NumberBins(edges=tuple(edges.tolist()), counts=tuple(counts.tolist()), missing=int(missing.sum()))


def _number_shares(bins: NumberBins) -> Floats:
    counts = np.array([*bins.counts, bins.missing])
    shares: Floats = counts / max(int(counts.sum()), 1)
    return shares


def _level_shares(bins: LevelBins) -> dict[str, float]:
    rows = max(sum(bins.counts.values()) + bins.missing, 1)
    counts = dict(bins.counts)
    if bins.missing:
        counts[_MISSING] = counts.get(_MISSING, 0) + bins.missing
    return {level: count / rows for level, count in counts.items()}
