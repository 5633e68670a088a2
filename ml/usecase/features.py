"""Declarations of features, with one class for each kind."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from ml.usecase.declaration import NAME, check, check_hours, check_types, check_unique

Clock = Literal["known_at", "event_time"]
_HOUR, _DAY = 3600, 86_400


@dataclass(frozen=True, slots=True)
class Column:
    """A feature that is a column of the entity table."""

    name: str

    def __post_init__(self) -> None:
        check_types(self)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.name,)


@dataclass(frozen=True, slots=True)
class Text:
    """A text column of the entity table, which is encoded as `components` numbers.

    Its n-grams (lengths `ngrams`, of characters or of words) are hashed into `buckets` and projected on the directions
    in which the training texts differ most. A missing text is missing in each of these numbers.
    """

    column: str
    analyzer: Literal["characters", "words"] = field(kw_only=True, default="characters")
    ngrams: tuple[int, int] = field(kw_only=True, default=(3, 5))
    buckets: int = field(kw_only=True, default=4096)
    components: int = field(kw_only=True, default=8)

    def __post_init__(self) -> None:
        check_types(self)
        check(
            len(self.ngrams) == 2 and 1 <= self.ngrams[0] <= self.ngrams[1],
            f"Text(ngrams=...) is a shortest and a longest length of 1 or more, got {self.ngrams}",
        )
        check(
            1 <= self.components < self.buckets,
            f"Text has 1 component or more and more buckets than that, got {self.components} and {self.buckets}",
        )

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.column,)


@dataclass(frozen=True, slots=True)
class Function:
    """A row-level feature: a function in `features.py` that has the name of the feature; its parameters are columns.

    A column whose name is no identifier has a parameter with its safe name: `Monthly_Spend_EUR` for "Monthly Spend
    (EUR)" (`ml.usecase.safe_names`).
    """

    name: str

    def __post_init__(self) -> None:
        check_types(self)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.name,)


@dataclass(frozen=True, slots=True)
class AsOf:
    """The latest row of `table` for the entity's group `by`, known at the cutoff and at most `within_hours` old."""

    table: str
    by: tuple[str, ...] = field(kw_only=True)
    columns: tuple[str, ...] = field(kw_only=True)
    within_hours: float = field(kw_only=True, default=24.0)

    def __post_init__(self) -> None:
        check_types(self)
        check(
            self.within_hours > 0,
            f"AsOf({self.table!r}) looks back a positive number of hours, got {self.within_hours}",
        )
        check_hours("AsOf(within_hours=...)", self.within_hours)

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.columns

    @property
    def lookback_hours(self) -> float:
        return self.within_hours

    @property
    def source_columns(self) -> tuple[str, ...]:
        return (*self.columns, *self.by)


@dataclass(frozen=True, slots=True)
class Window:
    """Statistics of the rows of `table` in the last `days` and `hours`, by the entity's group `by`, one per length.

    `how` is "mean", "sum" or "count" of the values of the column `column`. A row is in the window when it became known
    there, or with `on="event_time"` when it happened there; never when it was not known by the cutoff. `shrinkage`
    pseudo-rows shrink a mean towards that of all rows of the window, and a count towards that of the average group
    there, so that small groups do not stand out by chance.
    """

    table: str
    column: str = field(kw_only=True)
    how: Literal["mean", "sum", "count"] = field(kw_only=True)
    days: tuple[int, ...] = field(kw_only=True, default=())
    hours: tuple[int, ...] = field(kw_only=True, default=())
    by: tuple[str, ...] = field(kw_only=True, default=())
    on: Clock = field(kw_only=True, default="known_at")
    shrinkage: float = field(kw_only=True, default=0.0)

    def __post_init__(self) -> None:
        check_types(self)
        check(
            bool(self.days or self.hours) and all(n > 0 for n in (*self.days, *self.hours)),
            f"Window({self.table!r}) looks back over whole days or hours of 1 or more, "
            f"got days={self.days}, hours={self.hours}",
        )
        check_unique("Window(days=...): lengths", self.days)
        check_unique("Window(hours=...): lengths", self.hours)
        check_hours("Window(days=..., hours=...)", max(self.lookback_seconds.values()) / _HOUR)
        check(self.shrinkage >= 0, f"Window(shrinkage=...) is 0 or more pseudo-rows, got {self.shrinkage}")
        check(
            not self.shrinkage or self.how != "sum",
            f"a mean or a count can be shrunk, a sum cannot: leave out shrinkage={self.shrinkage}",
        )

    @property
    def lookback_seconds(self) -> dict[str, int]:
        """The length of the window of each output column, in seconds.

        >>> Window("rides", column="fare", how="mean", by=("zone",), days=(7,), hours=(6,)).lookback_seconds
        {'fare_mean_by_zone_7d': 604800, 'fare_mean_by_zone_6h': 21600}
        """
        group = "_and_".join(self.by) or "all"
        lengths = {f"{d}d": d * _DAY for d in self.days} | {f"{h}h": h * _HOUR for h in self.hours}
        clock = "" if self.on == "known_at" else f"_on_{self.on}"
        return {f"{self.column}_{self.how}_by_{group}_{name}{clock}": seconds for name, seconds in lengths.items()}

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(self.lookback_seconds)

    @property
    def lookback_hours(self) -> float:
        return max(self.lookback_seconds.values()) / _HOUR

    @property
    def source_columns(self) -> tuple[str, ...]:
        return (self.column, *self.by)


@dataclass(frozen=True, slots=True)
class Since:
    """Hours since the latest row of `table` for the entity's group `by` became known, or happened; see `Window.on`.

    With `condition`, since the latest row in which that column is true. Missing when there is none `within_hours`.
    """

    table: str
    by: tuple[str, ...] = field(kw_only=True)
    condition: str | None = field(kw_only=True, default=None)
    on: Clock = field(kw_only=True, default="known_at")
    within_hours: float = field(kw_only=True)

    def __post_init__(self) -> None:
        check_types(self)
        check(
            self.within_hours > 0,
            f"Since({self.table!r}) looks back a positive number of hours, got {self.within_hours}",
        )
        check_hours("Since(within_hours=...)", self.within_hours)

    @property
    def outputs(self) -> tuple[str, ...]:
        group = "_and_".join(self.by) or "all"
        clock = "" if self.on == "known_at" else f"_on_{self.on}"
        return (f"hours_since_{self.condition or self.table}_by_{group}{clock}",)

    @property
    def lookback_hours(self) -> float:
        return self.within_hours

    @property
    def source_columns(self) -> tuple[str, ...]:
        return (*((self.condition,) if self.condition else ()), *self.by)


@dataclass(frozen=True, slots=True)
class Ratio:
    """The feature `numerator` divided by the feature `denominator`, both declared before it; missing where that is 0.

    `shrinkage` shrinks it towards the same ratio without groups, by as many pseudo-units of `denominator`; both must
    then be windows.
    """

    name: str
    numerator: str = field(kw_only=True)
    denominator: str = field(kw_only=True)
    shrinkage: float = field(kw_only=True, default=0.0)

    def __post_init__(self) -> None:
        check_types(self)
        check(bool(NAME.fullmatch(self.name)), f"a ratio's name is lower_case, got {self.name!r}")
        check(self.shrinkage >= 0, f"Ratio(shrinkage=...) is 0 or more pseudo-units, got {self.shrinkage}")

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.name,)


Lookup = AsOf | Window | Since
Feature = Column | Text | Function | AsOf | Window | Since | Ratio


def outputs(features: Iterable[Feature]) -> tuple[str, ...]:
    """Return the names of the columns of `features`, in order.

    >>> outputs([Column("zone"), Since("rides", by=("zone",), within_hours=24)])
    ('zone', 'hours_since_rides_by_zone')
    """
    return tuple(name for feature in features for name in feature.outputs)


def title(feature: Feature) -> str:
    """Return the display name of a declaration: its first column, and the number of further columns.

    >>> title(Column("zone")), title(AsOf("readings", by=("zone",), columns=("wind_mph", "rain", "snow")))
    ('zone', 'wind_mph and 2 more')
    """
    first, *more = feature.outputs
    return f"{first} and {len(more)} more" if more else first


def check_ratios(features: tuple[Feature, ...]) -> None:
    """Raise DeclarationError unless ratios refer to features declared before them, and shrunk ratios to windows."""
    for index, ratio in enumerate(features):
        if not isinstance(ratio, Ratio):
            continue
        before = outputs(features[:index])
        windows = outputs(each for each in features[:index] if isinstance(each, Window))
        for name in (ratio.numerator, ratio.denominator):
            check(
                name in before, f"Ratio({ratio.name!r}) refers to {name!r}, which is not a feature declared before it"
            )
            check(
                not ratio.shrinkage or name in windows,
                f"Ratio({ratio.name!r}) is shrunk towards the ratio of all groups, but {name!r} is not a window: "
                "leave out the shrinkage, or name a window",
            )
