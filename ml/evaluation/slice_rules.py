"""Conditions on one feature that define slices: a level, an interval, or a missing value; each prints as text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import Booleans

_BINS, _MAX_LEVELS = 5, 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """Matches rows where `feature` has the given level, or lies in [low, high), or, without either, is missing.

    >>> print(Condition(feature="miles", low=2.0, high=10.0))
    miles in [2, 10)
    >>> frame = pd.DataFrame({"miles": [1.0, 2.0, 10.0, None]})
    >>> Condition(feature="miles", low=2.0, high=10.0).matches(frame).tolist()
    [False, True, False, False]
    >>> Condition(feature="miles").matches(frame).tolist()
    [False, False, False, True]
    """

    feature: str
    level: str | None = None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        match self.low, self.high:
            case None, None:
                return f"{self.feature} is missing" if self.level is None else f"{self.feature}={self.level}"
            case None, high:
                return f"{self.feature} < {high:g}"
            case low, None:
                return f"{self.feature} >= {low:g}"
            case low, high:
                return f"{self.feature} in [{low:g}, {high:g})"

    def matches(self, frame: pd.DataFrame) -> Booleans:
        """Return the mask of the rows that the condition matches, shape (n,)."""
        column = frame[self.feature]
        if self.low is None and self.high is None:
            matched = column.isna() if self.level is None else _texts(column) == self.level
            return matched.to_numpy(bool)
        values = column.to_numpy(np.float64)
        low, high = (bound if each is None else each for each, bound in ((self.low, -np.inf), (self.high, np.inf)))
        return (values >= low) & (values < high)


def enumerate_conditions(frame: pd.DataFrame) -> Iterator[Condition]:
    """Yield the conditions on every column.

    A category, or a number with at most 5 distinct values, has its 20 most common levels. Any other number has 5 bins
    of equal count. A column with missing values has a condition for them.

    >>> [str(each) for each in enumerate_conditions(pd.DataFrame({"zone": ["east", None], "legs": [1.0, 2.0]}))]
    ['zone is missing', 'zone=east', 'legs=1', 'legs=2']
    """
    for name in map(str, frame.columns):
        column = frame[name]
        if column.isna().any():
            yield Condition(feature=name)
        present = column.dropna()
        if not pd.api.types.is_numeric_dtype(column.dtype) or present.nunique() <= _BINS:
            most_common = _texts(present).value_counts().index[:_MAX_LEVELS]
            yield from (Condition(feature=name, level=level) for level in sorted(most_common))
        else:
            edges = np.unique(np.quantile(present.to_numpy(np.float64), np.linspace(0, 1, _BINS + 1)[1:-1]))
            for low, high in zip((None, *edges), (*edges, None), strict=True):
                yield Condition(feature=name, low=_float(low), high=_float(high))


def valid_pairs(conditions: Sequence[Condition]) -> Booleans:
    """Return which pairs of conditions form a rule, a mask of shape (c, c).

    The diagonal stands for single conditions. Each pair of conditions on two features counts once, above the diagonal.

    >>> east, west = Condition(feature="zone", level="east"), Condition(feature="zone", level="west")
    >>> valid_pairs([east, west, Condition(feature="miles", low=2.0)]).tolist()
    [[True, False, True], [False, True, True], [False, False, True]]
    """
    features = pd.factorize(np.array([each.feature for each in conditions], dtype=object))[0]
    later = np.triu(features[:, None] != features[None, :])
    distinct: Booleans = later | np.eye(len(conditions), dtype=bool)
    return distinct


def rule_mask(rule: Sequence[Condition], frame: pd.DataFrame) -> Booleans:
    """Return the mask of the rows that match every condition of the rule, shape (n,).

    >>> rule = (Condition(feature="zone", level="east"), Condition(feature="miles", low=2.0))
    >>> rule_mask(rule, pd.DataFrame({"zone": ["east", "east", "west"], "miles": [5.0, 1.0, 5.0]})).tolist()
    [True, False, False]
    """
    matched: Booleans = np.logical_and.reduce([each.matches(frame) for each in rule])
    return matched


def _float(edge: float | None) -> float | None:
    return None if edge is None else float(edge)


def _texts(column: pd.Series) -> pd.Series:
    """Return levels as text; whole numbers have no decimal point."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.map(lambda each: f"{each:g}", na_action="ignore")
    return column.astype(object)
