"""What a use case's experts expect of every model: what may not move an answer, and what may only move it one way."""

from dataclasses import dataclass

from ml.usecase.declaration import check, check_tuples

Value = float | str
FeatureValue = tuple[str, Value]


@dataclass(frozen=True, kw_only=True, slots=True)
class Invariant:
    """Setting the feature `feature` to each of `values` moves the score by at most `tolerance`, but for `allowed_share` of rows."""

    name: str
    feature: str
    values: tuple[Value, ...]
    tolerance: float
    allowed_share: float = 0.0
    why: str

    def __post_init__(self) -> None:
        check_tuples(self)
        check(len(self.values) > 1, f"Invariant({self.name!r}) compares 2 values or more, got {self.values}")
        check(self.tolerance > 0, f"Invariant({self.name!r}) holds within a positive distance, got {self.tolerance}")
        _check_share(self.name, self.allowed_share)

    @property
    def max_difference(self) -> float:
        """How far apart answers may lie."""
        return self.tolerance

    @property
    def variants(self) -> tuple[tuple[FeatureValue, ...], ...]:
        """Return what is put into every row, one setting after the other."""
        return tuple(((self.feature, value),) for value in self.values)


@dataclass(frozen=True, kw_only=True, slots=True)
class Directional:
    """A score at `high` is not lower than at `low` by more than `tolerance`, but for `allowed_share` of rows.

    Both name features and the values set there, e.g. `(("wind_mph", 40.0), ("is_storm", 1.0))`; all other features stay.
    """

    name: str
    low: tuple[FeatureValue, ...]
    high: tuple[FeatureValue, ...]
    tolerance: float = 0.0
    allowed_share: float = 0.0
    why: str

    def __post_init__(self) -> None:
        check_tuples(self)
        same = [name for name, _ in self.low] == [name for name, _ in self.high]
        check(bool(self.low) and same, f"Directional({self.name!r}) puts the same features at low and at high")
        check(self.tolerance >= 0, f"Directional({self.name!r}) has a tolerance of 0 or more, got {self.tolerance}")
        _check_share(self.name, self.allowed_share)

    @property
    def max_difference(self) -> float:
        """How far apart answers may lie, the wrong way."""
        return self.tolerance

    @property
    def variants(self) -> tuple[tuple[FeatureValue, ...], ...]:
        """Return what is put into every row, low before high."""
        return (self.low, self.high)


Expectation = Invariant | Directional


def _check_share(name: str, share: float) -> None:
    check(0 <= share < 1, f"the expectation {name!r} allows a share of rows below 1, got {share}")
