"""Column profiles: a compact summary of one column of one night, and the distance between two of them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd

from ml.arrays import Floats

_POINTS, _LEVELS, _OTHERS, _MISSING = 50, 100, "others", "missing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """The distribution of the `rows` values of a column.

    A numeric column has `points`, which are values at evenly spaced ranks, and `missing`, the share of missing values.
    A text column has `shares`, the share of each level.
    """

    rows: int
    missing: float = 0.0
    points: tuple[float, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)

    @property
    def spread(self) -> float:
        """The distance between the 5 % and the 95 % point of the known values; 0 if there are none."""
        low, high = (int(len(self.points) * share) for share in (0.05, 0.95))
        return self.points[high] - self.points[low] if self.points else 0.0


def from_column(column: pd.Series) -> Profile:
    """Return the profile of `column`; levels beyond the hundred most common are pooled into one.

    >>> from_column(pd.Series(["rain", "rain", "snow", None])).shares
    {'rain': 0.5, 'missing': 0.25, 'snow': 0.25}
    >>> from_column(pd.Series([1.0, 2.0, None, None])).missing
    0.5
    """
    if pd.api.types.is_numeric_dtype(column.dtype):
        values = column.to_numpy(np.float64, na_value=np.nan)
        known = np.sort(values[np.isfinite(values)])
        missing = 1 - len(known) / max(len(values), 1)
        ranks = ((np.arange(_POINTS) + 0.5) / _POINTS * len(known)).astype(int)
        return Profile(rows=len(values), missing=missing, points=tuple(known[ranks].tolist()) if len(known) else ())
    shares = column.astype(object).fillna(_MISSING).value_counts(normalize=True)
    shares = shares.sort_index().sort_values(ascending=False, kind="stable")
    level_shares = {str(level): float(share) for level, share in shares.head(_LEVELS).items()}
    rest = float(shares.iloc[_LEVELS:].sum())
    return Profile(rows=len(column), shares=level_shares | ({_OTHERS: rest} if rest else {}))


def distance(one: Profile, other: Profile) -> float:
    """Return the distance of two profiles of the same column, from 0 to 1, with a resolution of 1/50.

    Numeric columns: the Kolmogorov-Smirnov distance; missing values count as lower than all others. Text columns: the
    total variation distance. It is an effect size: it does not grow with the number of rows.

    >>> calm = from_column(pd.Series([5.0, 5.0, 5.0, 5.0]))
    >>> distance(calm, from_column(pd.Series([5.0, 5.0, 1048.0, 1048.0])))
    0.5
    >>> distance(from_column(pd.Series(["a", "b"])), from_column(pd.Series(["a", "a"])))
    0.5
    """
    if one.shares or other.shares:
        levels = one.shares.keys() | other.shares.keys()
        return sum(abs(one.shares.get(level, 0.0) - other.shares.get(level, 0.0)) for level in levels) / 2
    grid = np.unique(np.array([*one.points, *other.points]))
    gaps = np.abs(_cumulative_share(one, grid) - _cumulative_share(other, grid))
    return float(max(abs(one.missing - other.missing), gaps.max(initial=0.0)))


def _cumulative_share(profile: Profile, grid: Floats) -> Floats:
    """Return the share of all rows at or below each value of `grid`."""
    reached = np.searchsorted(np.array(profile.points), grid, side="right") / max(len(profile.points), 1)
    below: Floats = profile.missing + (1 - profile.missing) * reached
    return below


def to_json(profile: Profile) -> str:
    """Return `profile` as JSON; `from_json` reads it."""
    return json.dumps(asdict(profile), sort_keys=True)


def from_json(text: str) -> Profile:
    """Return the profile that `to_json` wrote."""
    values = json.loads(text)
    return Profile(**{**values, "points": tuple(values["points"])})
