"""The profile of a column of one night: enough of its distribution to say how many rows another night has moved."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd

from ml.arrays import Floats

_POINTS, _LEVELS, _OTHERS, _MISSING = 50, 100, "others", "missing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """`rows` values: of numbers, points at even ranks and the share that is missing; of texts, the share of each level."""

    rows: int
    missing: float = 0.0
    points: tuple[float, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)

    @property
    def spread(self) -> float:
        """How far nine tenths of the known values lie apart; 0 where they are all the same."""
        low, high = (int(len(self.points) * share) for share in (0.05, 0.95))
        return self.points[high] - self.points[low] if self.points else 0.0


def from_column(column: pd.Series) -> Profile:
    """Return the profile of `column`; levels beyond the hundred commonest count as one."""
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
    """Return the share of rows that are elsewhere in `other` than in `one`, to a fiftieth; 0 to 1.

    For numbers it is Kolmogorov's distance, missing values lying below all others; for levels the total variation. It is a
    size of effect: more rows do not make it larger.
    """
    if one.shares or other.shares:
        levels = one.shares.keys() | other.shares.keys()
        return sum(abs(one.shares.get(level, 0.0) - other.shares.get(level, 0.0)) for level in levels) / 2
    grid = np.unique(np.array([*one.points, *other.points]))
    gaps = np.abs(_cumulative_share(one, grid) - _cumulative_share(other, grid))
    return float(max(abs(one.missing - other.missing), gaps.max(initial=0.0)))


def _cumulative_share(profile: Profile, grid: Floats) -> Floats:
    """Return the share of all rows at or below each of `at`."""
    reached = np.searchsorted(np.array(profile.points), grid, side="right") / max(len(profile.points), 1)
    below: Floats = profile.missing + (1 - profile.missing) * reached
    return below


def to_json(profile: Profile) -> str:
    """Return `profile` as JSON, which `read` takes back."""
    return json.dumps(asdict(profile), sort_keys=True)


def from_json(text: str) -> Profile:
    """Return the profile that `told` gave."""
    values = json.loads(text)
    return Profile(**{**values, "points": tuple(values["points"])})
