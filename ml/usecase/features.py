"""What a model sees: the declarative kinds of features."""

from dataclasses import dataclass, field
from typing import Literal

from ml.usecase.declaring import require


@dataclass(frozen=True, slots=True)
class Column:
    """A feature that is a column of the entity table as it stands."""

    name: str

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.name,)


@dataclass(frozen=True, slots=True)
class Function:
    """A row-level feature: a function in `features.py`, its name the feature, its parameters the columns it needs."""

    name: str

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.name,)


@dataclass(frozen=True, slots=True)
class AsOf:
    """The last row of `table` known at the cutoff for the entity's group `by`, not older than `within_hours`."""

    table: str
    by: tuple[str, ...] = field(kw_only=True)
    columns: tuple[str, ...] = field(kw_only=True)
    within_hours: float = field(kw_only=True, default=24.0)

    def __post_init__(self) -> None:
        require(
            self.within_hours > 0,
            f"AsOf({self.table!r}) looks back a positive number of hours, got {self.within_hours}",
        )

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.columns


@dataclass(frozen=True, slots=True)
class Window:
    """Statistics of the rows of `table` that became known in the last `days` days, for the entity's group `by`.

    `how` is "mean", "sum" or "count" of the column `of`. A mean is drawn towards the mean of all rows of the
    same window by `shrinkage` pseudo-rows, so that small groups do not shout. One output column for each length.
    """

    table: str
    of: str = field(kw_only=True)
    how: Literal["mean", "sum", "count"] = field(kw_only=True)
    days: tuple[int, ...] = field(kw_only=True)
    by: tuple[str, ...] = field(kw_only=True, default=())
    shrinkage: float = field(kw_only=True, default=0.0)

    def __post_init__(self) -> None:
        require(self.how in ("mean", "sum", "count"), f"Window(how=...) is mean, sum or count, got {self.how!r}")
        require(
            bool(self.days) and all(d > 0 for d in self.days),
            f"Window({self.table!r}) looks back over whole days of 1 or more, got days={self.days}",
        )
        require(self.shrinkage >= 0, f"Window(shrinkage=...) is 0 or more pseudo-rows, got {self.shrinkage}")

    @property
    def outputs(self) -> tuple[str, ...]:
        group = "_and_".join(self.by) or "all"
        return tuple(f"{self.of}_{self.how}_by_{group}_{d}d" for d in self.days)


Feature = Column | Function | AsOf | Window
