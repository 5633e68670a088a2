"""Lines over nights as geometry: where each point, tick and mark of a picture lies; a template draws it.

Where there are many nights, a line goes through the means of the week up to each, and the nights themselves are thin beside it:
a bad week is seen, and a bad night does not flatten it.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import fmean

WIDTH, HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 14, 26
_LINES, _MOST_DATES, _MOST_ROWS = 4, 6, 62
_NICE = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A night's number, with its interval where it has one."""

    night: date
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """Numbers of one kind in the order of nights."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A night on which something was decided, e.g. a `retrain` or a `release`."""

    night: date
    kind: str
    told: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """What is to be drawn: series that share an axis, and the marks on their nights."""

    title: str
    series: tuple[Series, ...]
    marks: tuple[Mark, ...] = ()

    @property
    def nights(self) -> set[date]:
        """The nights that any series has."""
        return {point.night for each in self.series for point in each.points}

    @property
    def is_weekly(self) -> bool:
        """Whether the nights are so many that means of weeks tell more."""
        return len(self.nights) > _MOST_ROWS

    @property
    def drawn(self) -> "Drawing | None":
        """Where everything lies; None where there is no point."""
        return draw(self)

    @property
    def table(self) -> "tuple[Row, ...]":
        """The same numbers as rows, the newest first: a night's, or where there are many nights the mean of a week's."""
        weekly = self.is_weekly
        columns = [_means(each.points, weekly=weekly) for each in self.series]
        begins = dict.fromkeys(_begins(night, weekly=weekly) for night in sorted(self.nights, reverse=True))
        return tuple(Row(night=night, values=tuple(column.get(night) for column in columns)) for night in begins)

    @property
    def row_is(self) -> str:
        """What a row of the table is about."""
        return "week from" if self.is_weekly else "night"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """The numbers of a night, or of the week that begins with it; None where a series has none."""

    night: date
    values: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A place on an axis and what is written there."""

    at: float
    told: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A series as SVG: its line, each of its nights where that is a line of means, the outline of its intervals, its only point."""

    name: str
    path: str
    nights: str
    band: str
    dot: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """A picture of `WIDTH` by `HEIGHT`; `told` says what it shows to those who do not see it."""

    lines: tuple[Line, ...]
    is_weekly: bool
    values: tuple[Tick, ...]
    dates: tuple[Tick, ...]
    marks: tuple[tuple[float, Mark], ...]
    told: str
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    top: float = _TOP
    bottom: float = HEIGHT - _BOTTOM


@dataclass(frozen=True, kw_only=True, slots=True)
class _Frame:
    """The nights and values that the picture spans."""

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
    """Return where everything of `chart` lies; None where there is no point."""
    nights, weekly = chart.nights, chart.is_weekly
    if not nights:
        return None
    drawn = [(each, _weekly(each.points) if weekly else each.points) for each in chart.series if each.points]
    steps = ticks(*_ends(point for _, line in drawn for point in line))
    frame = _Frame(first=min(nights), last=max(nights), low=steps[0], high=steps[-1])
    return Drawing(
        lines=tuple(_line(each.name, line, each.points if weekly else (), frame) for each, line in drawn),
        is_weekly=weekly,
        values=tuple(Tick(at=frame.y(value), told=f"{value:g}") for value in steps),
        dates=tuple(Tick(at=frame.x(night), told=f"{night:%d %b %Y}") for night in _dates(frame)),
        marks=tuple((frame.x(each.night), each) for each in chart.marks if frame.first <= each.night <= frame.last),
        told=_told(chart),
    )


def _weekly(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return the means of the week up to each night; a night's own number is what its mean may reach to."""
    means = []
    for place, each in enumerate(points):
        week = [day.value for day in points[max(0, place - 6) : place + 1] if (each.night - day.night).days < 7]
        means.append(Point(night=each.night, value=fmean(week), low=each.value, high=each.value))
    return tuple(means)


def _begins(night: date, *, weekly: bool) -> date:
    return night - timedelta(days=night.weekday()) if weekly else night


def _means(points: Iterable[Point], *, weekly: bool) -> dict[date, float]:
    values: defaultdict[date, list[float]] = defaultdict(list)
    for each in points:
        values[_begins(each.night, weekly=weekly)].append(each.value)
    return {night: fmean(found) for night, found in values.items()}


def ticks(low: float, high: float) -> tuple[float, ...]:
    """Return round values at equal distances that hold `low` to `high`, two at least."""
    rough = (high - low) / _LINES or abs(high) / _LINES or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(nice * power for nice in _NICE if nice * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(place * step, 12) for place in range(first, max(last, first + 1) + 1))


def _ends(points: Iterable[Point]) -> tuple[float, float]:
    """Return the ends of the values: intervals may reach beyond them by as much again as the values are apart."""
    points = list(points)
    low, high = min(each.value for each in points), max(each.value for each in points)
    room = high - low
    lows = [each.low for each in points if each.low is not None]
    highs = [each.high for each in points if each.high is not None]
    return max(min([low, *lows]), low - room), min(max([high, *highs]), high + room)


def _line(name: str, points: Sequence[Point], nights: Sequence[Point], frame: _Frame) -> Line:
    """Return the line through `points`, and thin beside it the `nights` that they are means of."""
    return Line(
        name=name,
        path=_path(points, frame),
        nights=_path(nights, frame) if nights else "",
        band="" if nights else _band(points, frame),
        dot=(frame.x(points[0].night), frame.y(points[0].value)) if len(points) == 1 else None,
    )


def _path(points: Sequence[Point], frame: _Frame) -> str:
    return "M" + "L".join(f"{frame.x(each.night)},{_within(each.value, frame)}" for each in points)


def _band(points: Sequence[Point], frame: _Frame) -> str:
    ends = [
        (frame.x(each.night), _within(each.low, frame), _within(each.high, frame))
        for each in points
        if each.low is not None and each.high is not None
    ]
    if len(ends) <= 1:
        return ""
    around = [(x, high) for x, _, high in ends] + [(x, low) for x, low, _ in reversed(ends)]
    return "M" + "L".join(f"{x},{y}" for x, y in around) + "Z"


def _within(value: float, frame: _Frame) -> float:
    return frame.y(min(max(value, frame.low), frame.high))


def _dates(frame: _Frame) -> list[date]:
    days = (frame.last - frame.first).days
    count = min(days, _MOST_DATES - 1)
    return [frame.first + timedelta(days=round(days * place / max(count, 1))) for place in range(count + 1)]


def _told(chart: Chart) -> str:
    said = [
        f"{each.name}: from {each.points[0].value:.4g} on {each.points[0].night} to {each.points[-1].value:.4g} on "
        f"{each.points[-1].night}, least {min(p.value for p in each.points):.4g}, most {max(p.value for p in each.points):.4g}"
        for each in chart.series
        if each.points
    ]
    counts = [
        f"{sum(m.kind == kind for m in chart.marks)} {kind}s" for kind in dict.fromkeys(m.kind for m in chart.marks)
    ]
    return "; ".join([*said, *counts]) + ". The numbers are in the table below."
