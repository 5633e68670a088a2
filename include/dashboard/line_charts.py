"""Compute the geometry of line charts over nights: positions of points, ticks and marks. A template draws them.

With more than 62 nights, the line shows the mean of the week up to each night, and a thin line shows the nights. The
axis is scaled to the weekly means, so that a bad week is visible and a single bad night does not flatten the line.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import fmean

WIDTH, HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 14, 26
_TICK_COUNT, _MAX_DATES, _MAX_ROWS = 4, 6, 62
_NICE = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """The value of a night, with its interval if it has one."""

    night: date
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """The values of one metric, in the order of nights."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A night with a decision; `kind` is "retrain" or "release"."""

    night: date
    kind: str
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """The content of a chart: series that share an axis, and marked nights."""

    title: str
    series: tuple[Series, ...]
    marks: tuple[Mark, ...] = ()

    @property
    def nights(self) -> set[date]:
        """The nights of all series."""
        return {point.night for each in self.series for point in each.points}

    @property
    def is_weekly(self) -> bool:
        """Whether there are so many nights that the chart shows weekly means."""
        return len(self.nights) > _MAX_ROWS

    @property
    def drawing(self) -> "Drawing | None":
        """The geometry of the chart; None if no series has a point."""
        return draw(self)

    @property
    def table(self) -> "tuple[TableRow, ...]":
        """The same values as rows, newest first: one row per night, or the mean of each week in a weekly chart."""
        weekly = self.is_weekly
        columns = [_means(each.points, weekly=weekly) for each in self.series]
        starts = dict.fromkeys(_period_start(night, weekly=weekly) for night in sorted(self.nights, reverse=True))
        return tuple(TableRow(night=night, values=tuple(column.get(night) for column in columns)) for night in starts)

    @property
    def row_label(self) -> str:
        """The header of the first column of the table."""
        return "week from" if self.is_weekly else "night"


@dataclass(frozen=True, kw_only=True, slots=True)
class TableRow:
    """The values of a night, or of the week that starts with it; None for a series without a value."""

    night: date
    values: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A position on an axis, in pixels, and its label."""

    at: float
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A series as SVG.

    `path` is the line. `nights` is the thin line of single nights in a weekly chart, otherwise empty. `band` is the
    outline of the intervals, or empty. `dot` is the position of the point if the series has only one.
    """

    name: str
    path: str
    nights: str
    band: str
    dot: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """The geometry of a chart of `WIDTH` by `HEIGHT` pixels; `description` is its text for screen readers."""

    lines: tuple[Line, ...]
    is_weekly: bool
    values: tuple[Tick, ...]
    dates: tuple[Tick, ...]
    marks: tuple[tuple[float, Mark], ...]
    description: str
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    top: float = _TOP
    bottom: float = HEIGHT - _BOTTOM


@dataclass(frozen=True, kw_only=True, slots=True)
class _Frame:
    """The ranges of nights and values that the chart spans."""

    first: date
    last: date
    low: float
    high: float

    def x(self, night: date) -> float:
        days = max((self.last - self.first).days, 1)
        return round(_LEFT + (night - self.first).days / days * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)


def draw(chart: Chart) -> Drawing | None:
    """Return the geometry of `chart`; None if no series has a point."""
    nights, weekly = chart.nights, chart.is_weekly
    if not nights:
        return None
    drawn = [(each, _weekly_means(each.points) if weekly else each.points) for each in chart.series if each.points]
    steps = ticks(*_value_range(point for _, line in drawn for point in line))
    frame = _Frame(first=min(nights), last=max(nights), low=steps[0], high=steps[-1])
    return Drawing(
        lines=tuple(_line(each.name, line, each.points if weekly else (), frame) for each, line in drawn),
        is_weekly=weekly,
        values=tuple(Tick(at=frame.y(value), label=f"{value:g}") for value in steps),
        dates=tuple(Tick(at=frame.x(night), label=f"{night:%d %b %Y}") for night in _date_ticks(frame)),
        marks=tuple((frame.x(each.night), each) for each in chart.marks if frame.first <= each.night <= frame.last),
        description=_describe(chart),
    )


def _weekly_means(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return the mean of the week up to each night; `low` and `high` are the night's own value."""
    means = []
    for index, each in enumerate(points):
        week = [day.value for day in points[max(0, index - 6) : index + 1] if (each.night - day.night).days < 7]
        means.append(Point(night=each.night, value=fmean(week), low=each.value, high=each.value))
    return tuple(means)


def _period_start(night: date, *, weekly: bool) -> date:
    return night - timedelta(days=night.weekday()) if weekly else night


def _means(points: Iterable[Point], *, weekly: bool) -> dict[date, float]:
    values: defaultdict[date, list[float]] = defaultdict(list)
    for each in points:
        values[_period_start(each.night, weekly=weekly)].append(each.value)
    return {night: fmean(numbers) for night, numbers in values.items()}


def ticks(low: float, high: float) -> tuple[float, ...]:
    """Return at least two equally spaced round values that cover the range from `low` to `high`."""
    rough = (high - low) / _TICK_COUNT or abs(high) / _TICK_COUNT or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(nice * power for nice in _NICE if nice * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(index * step, 12) for index in range(first, max(last, first + 1) + 1))


def _value_range(points: Iterable[Point]) -> tuple[float, float]:
    """Return the range of the values, extended to their intervals, but on each side by its own width at most."""
    points = list(points)
    low, high = min(each.value for each in points), max(each.value for each in points)
    margin = high - low
    lows = [each.low for each in points if each.low is not None]
    highs = [each.high for each in points if each.high is not None]
    return max(min([low, *lows]), low - margin), min(max([high, *highs]), high + margin)


def _line(name: str, points: Sequence[Point], nights: Sequence[Point], frame: _Frame) -> Line:
    """Return the line through `points`, with a thin line through `nights` if `points` are weekly means."""
    return Line(
        name=name,
        path=_path(points, frame),
        nights=_path(nights, frame) if nights else "",
        band="" if nights else _band(points, frame),
        dot=(frame.x(points[0].night), frame.y(points[0].value)) if len(points) == 1 else None,
    )


def _path(points: Sequence[Point], frame: _Frame) -> str:
    return "M" + "L".join(f"{frame.x(each.night)},{_clamped_y(each.value, frame)}" for each in points)


def _band(points: Sequence[Point], frame: _Frame) -> str:
    ends = [
        (frame.x(each.night), _clamped_y(each.low, frame), _clamped_y(each.high, frame))
        for each in points
        if each.low is not None and each.high is not None
    ]
    if len(ends) <= 1:
        return ""
    around = [(x, high) for x, _, high in ends] + [(x, low) for x, low, _ in reversed(ends)]
    return "M" + "L".join(f"{x},{y}" for x, y in around) + "Z"


def _clamped_y(value: float, frame: _Frame) -> float:
    return frame.y(min(max(value, frame.low), frame.high))


def _date_ticks(frame: _Frame) -> list[date]:
    days = (frame.last - frame.first).days
    count = min(days, _MAX_DATES - 1)
    return [frame.first + timedelta(days=round(days * index / max(count, 1))) for index in range(count + 1)]


def _describe(chart: Chart) -> str:
    summaries = [
        f"{each.name}: from {each.points[0].value:.4g} on {each.points[0].night} to {each.points[-1].value:.4g} on "
        f"{each.points[-1].night}, minimum {min(p.value for p in each.points):.4g}, "
        f"maximum {max(p.value for p in each.points):.4g}"
        for each in chart.series
        if each.points
    ]
    counts = [
        f"{sum(m.kind == kind for m in chart.marks)} {kind}s" for kind in dict.fromkeys(m.kind for m in chart.marks)
    ]
    return "; ".join([*summaries, *counts]) + ". The numbers are in the table below."
