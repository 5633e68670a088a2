"""What a use case's experts expect of every model: what may not move an answer, and what may only move it one way."""

from dataclasses import dataclass

from ml.usecase.declaration import require, require_tuples

Value = float | str
Put = tuple[str, Value]


@dataclass(frozen=True, kw_only=True, slots=True)
class Invariant:
    """The feature `by` put to each of `values` moves the answer by no more than `within`, but for a share `allowed` of rows."""

    name: str
    by: str
    values: tuple[Value, ...]
    within: float
    allowed: float = 0.0
    why: str

    def __post_init__(self) -> None:
        require_tuples(self)
        require(len(self.values) > 1, f"Invariant({self.name!r}) compares 2 values or more, got {self.values}")
        require(self.within > 0, f"Invariant({self.name!r}) holds within a positive distance, got {self.within}")
        _require_share(self.name, self.allowed)

    @property
    def distance(self) -> float:
        """How far apart answers may lie."""
        return self.within

    @property
    def settings(self) -> tuple[tuple[Put, ...], ...]:
        """Return what is put into every row, one setting after the other."""
        return tuple(((self.by, value),) for value in self.values)


@dataclass(frozen=True, kw_only=True, slots=True)
class Directional:
    """An answer at `high` is not lower than at `low` by more than `slack`, but for a share `allowed` of rows.

    Either names features and the values put there, e.g. `(("wind_mph", 40.0), ("is_storm", 1.0))`; all others stay.
    """

    name: str
    low: tuple[Put, ...]
    high: tuple[Put, ...]
    slack: float = 0.0
    allowed: float = 0.0
    why: str

    def __post_init__(self) -> None:
        require_tuples(self)
        same = [name for name, _ in self.low] == [name for name, _ in self.high]
        require(bool(self.low) and same, f"Directional({self.name!r}) puts the same features at low and at high")
        require(self.slack >= 0, f"Directional({self.name!r}) has a slack of 0 or more, got {self.slack}")
        _require_share(self.name, self.allowed)

    @property
    def distance(self) -> float:
        """How far apart answers may lie, the wrong way."""
        return self.slack

    @property
    def settings(self) -> tuple[tuple[Put, ...], ...]:
        """Return what is put into every row, low before high."""
        return (self.low, self.high)


Expectation = Invariant | Directional


def _require_share(name: str, allowed: float) -> None:
    require(0 <= allowed < 1, f"the expectation {name!r} allows a share of rows below 1, got {allowed}")
