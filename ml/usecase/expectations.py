"""Behavioural expectations of experts: changes of features that must not move a score, or move it only one way."""

from dataclasses import dataclass

from ml.usecase.declaration import check, check_types

Value = float | str
FeatureValue = tuple[str, Value]


@dataclass(frozen=True, kw_only=True, slots=True)
class Invariant:
    """Setting `feature` to each of `values` moves scores by at most `tolerance`, except in `allowed_share` of rows."""

    name: str
    feature: str
    values: tuple[Value, ...]
    tolerance: float
    allowed_share: float = 0.0
    why: str

    def __post_init__(self) -> None:
        check_types(self)
        check(len(self.values) > 1, f"Invariant({self.name!r}) compares 2 values or more, got {self.values}")
        check(self.tolerance > 0, f"Invariant({self.name!r}) has a positive tolerance, got {self.tolerance}")
        _check_share(self.name, self.allowed_share)

    @property
    def max_difference(self) -> float:
        """The largest difference of scores that is allowed."""
        return self.tolerance

    @property
    def variants(self) -> tuple[tuple[FeatureValue, ...], ...]:
        """The feature values that are set in every row, one variant after the other."""
        return tuple(((self.feature, value),) for value in self.values)


@dataclass(frozen=True, kw_only=True, slots=True)
class Directional:
    """A score at `high` is not lower than at `low` by more than `tolerance`, except in `allowed_share` of the rows.

    Both are features with the values to set, such as `(("wind_mph", 40.0), ("is_storm", 1.0))`; other features are
    kept.
    """

    name: str
    low: tuple[FeatureValue, ...]
    high: tuple[FeatureValue, ...]
    tolerance: float = 0.0
    allowed_share: float = 0.0
    why: str

    def __post_init__(self) -> None:
        check_types(self)
        same = [name for name, _ in self.low] == [name for name, _ in self.high]
        check(bool(self.low) and same, f"Directional({self.name!r}) sets the same features at low and at high")
        check(self.tolerance >= 0, f"Directional({self.name!r}) has a tolerance of 0 or more, got {self.tolerance}")
        _check_share(self.name, self.allowed_share)

    @property
    def max_difference(self) -> float:
        """The largest difference of scores in the wrong direction that is allowed."""
        return self.tolerance

    @property
    def variants(self) -> tuple[tuple[FeatureValue, ...], ...]:
        """The feature values that are set in every row, low before high."""
        return (self.low, self.high)


Expectation = Invariant | Directional


def _check_share(name: str, share: float) -> None:
    check(0 <= share < 1, f"the expectation {name!r} allows a share of rows below 1, got {share}")
