"""Tables on a timeline: rows sorted by group and by second, asked by binary search.

`O((rows + entities) log rows)`: no row is visited per entity. A column is turned into codes once, a table sorted by time
once, and a group and cutoff asked once, however many features and entities share them.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from ml.arrays import Booleans, Codes, Floats, Integers

Clock = Literal["known_at", "event_time"]
Line = Literal["known_at", "event_time", "seen"]

_EXACT = 2.0**53
_SMALL = 1 << 20
_Key = tuple[str, Literal["values", "places"]]


class Entities:
    """The rows that ask, and what all tables need of them: columns as codes, and the distinct cutoffs (`moments`)."""

    def __init__(self, rows: pd.DataFrame, cutoffs: Integers) -> None:
        """`cutoffs` has each entity's second (UTC, since 1970)."""
        self.rows = rows
        self.moments, moment = np.unique(cutoffs, return_inverse=True)
        self.moment: Codes = moment.astype(np.int32)
        self._coded: dict[str, tuple[Codes, pd.Index]] = {}

    def coded(self, name: str) -> tuple[Codes, pd.Index]:
        """Return the column as codes (-1 where missing) into its levels."""
        if name not in self._coded:
            self._coded[name] = _coded(self.rows[name])
        return self._coded[name]


class View:
    """A table as a list of entities may see it: only rows known by each entity's cutoff.

    Three lines order its rows: by the second they became known, by that of their event, and by the later of both, from
    which on they are `seen` to have happened.
    """

    def __init__(self, table: pd.DataFrame, entities: Entities, known_at: str, event_time: str | None = None) -> None:
        """`known_at` and `event_time` name the table's columns of instants (UTC)."""
        self.table, self.entities = table, entities
        self._clocks = {"known_at": known_at, "event_time": event_time}
        self._seconds: dict[Line, Integers] = {}
        self._in_time: dict[Line, Codes] = {}
        self._grouped: dict[tuple[str, ...], _Grouped] = {}
        self._timelines: dict[tuple[tuple[str, ...], Line], Timeline] = {}
        self._numbers: dict[_Key, tuple[Floats | None, bool]] = {}

    def seconds(self, line: Line) -> Integers:
        """Return each row's second (since 1970) on a line, in the table's order."""
        if line not in self._seconds:
            if line == "seen":
                self._seconds[line] = np.maximum(self.seconds("known_at"), self.seconds("event_time"))
            else:
                self._seconds[line] = seconds(self.table[str(self._clocks[line])])
        return self._seconds[line]

    def by(self, names: tuple[str, ...], line: Line = "known_at") -> "Timeline":
        """Return the timeline grouped by the columns `names`; a row or an entity that misses one is in no group.

        The last grouping asked for is kept, and the one without groups: a year of them at once would not fit.
        """
        if names not in self._grouped:
            self._grouped = {kept: each for kept, each in self._grouped.items() if not kept}
            self._timelines = {kept: each for kept, each in self._timelines.items() if not kept[0]}
            self._grouped[names] = self._group(names)
        if (names, line) not in self._timelines:
            self._timelines[names, line] = self._sorted(self._grouped[names], line)
        return self._timelines[names, line]

    def summed(self, by: tuple[str, ...], of: str, ago: int, on: Clock) -> Floats:
        """Return, for each pair of `by`, the sum of the values `of` of the rows in the last `ago` seconds."""
        return self._gathered(by, (of, "values"), ago, on)

    def counted(self, by: tuple[str, ...], of: str, ago: int, on: Clock) -> Floats:
        """Return, for each pair of `by`, how many rows of the last `ago` seconds have a value `of`."""
        return self._gathered(by, (of, "places"), ago, on)

    def usual_count(self, by: tuple[str, ...], of: str, ago: int, on: Clock) -> Floats:
        """Return, for each moment, how many rows with a value `of` a group of the last `ago` seconds has on average."""
        line = self.by(by, "known_at" if on == "known_at" else "seen")
        there, ends = self.table[of].notna().to_numpy()[line.order], self.seconds(on)[line.order] + ago
        kept = there & (ends > line.seconds)
        starts, ends, groups = line.seconds[kept], ends[kept], line.groups[kept]
        rows = _alive(starts, ends, self.entities.moments)
        fresh = np.maximum(starts, _latest_before(ends, groups))
        return ratio(rows, _alive(fresh[fresh < ends], ends[fresh < ends], self.entities.moments))

    def _gathered(self, by: tuple[str, ...], key: _Key, ago: int, on: Clock) -> Floats:
        numbers, exact = self._column(key)
        if on == "known_at":
            line = self.by(by)
            if numbers is None:
                return np.subtract(line.until(), line.until(ago), dtype=np.float64)
            running = line.running(key, numbers, exact)
            total = line.reached(running)
            total -= line.reached(running, ago)
            return total
        seen, happened = self.by(by, "seen"), self.by(by, "event_time")
        in_time = np.where(
            self.seconds("seen") < self.seconds("event_time") + ago, 1.0 if numbers is None else numbers, 0.0
        )
        begun, over = (line.running((*key, ago), in_time, exact) for line in (seen, happened))
        return seen.reached(begun) - happened.reached(over, ago)

    def _column(self, key: _Key) -> tuple[Floats | None, bool]:
        """Return a column's values (0 where missing), or 1 where it has one, and whether their sums are exact.

        None stands for 1 everywhere.
        """
        if key not in self._numbers:
            column, there = self.table[key[0]], self.table[key[0]].notna().to_numpy()
            if key[1] == "places":
                self._numbers[key] = None if there.all() else there.astype(np.float64), True
            else:
                numbers = np.where(there, column.to_numpy(np.float64, na_value=np.nan), 0.0)
                self._numbers[key] = numbers, _sums_exactly(numbers)
        return self._numbers[key]

    def _group(self, names: tuple[str, ...]) -> "_Grouped":
        here, there = (np.zeros(len(rows), np.int32) for rows in (self.table, self.entities.rows))
        size = 1
        for name in names:
            own, levels = _coded(self.table[name])
            asked, asked_levels = self.entities.coded(name)
            asked = np.append(levels.get_indexer(asked_levels), -1).astype(np.int32)[asked]
            bound = size * len(levels)
            rows, asking = _both(here, own, len(levels)), _both(there, asked, len(levels))
            found, here[rows >= 0] = _distinct(rows[rows >= 0], bound)
            here[rows < 0] = -1
            there, size = _found(found, asking, bound), len(found)
        moments = len(self.entities.moments)
        pairs, asked = _distinct((there.astype(np.int64) + 1) * moments + self.entities.moment, (size + 1) * moments)
        return _Grouped(here, pairs // moments - 1, (pairs % moments).astype(np.int32), asked)

    def _sorted(self, grouped: "_Grouped", line: Line) -> "Timeline":
        if line not in self._in_time:
            self._in_time[line] = np.argsort(self.seconds(line), kind="stable").astype(np.int32)
        in_time = self._in_time[line]
        groups = grouped.rows[in_time]
        short = groups.max(initial=0) < np.iinfo(np.int16).max  # sorted by digits, which is ten times quicker
        order = np.argsort(groups.astype(np.int16) if short else groups, kind="stable")
        order = order[np.count_nonzero(groups < 0) :]
        instants = self.seconds(line)
        start = int(instants.min()) if len(instants) else 0
        span = (int(instants.max()) - start if len(instants) else 0) + 2
        rows = in_time[order]
        keys = groups[order].astype(np.int64)
        keys *= span
        keys += instants[rows]
        keys -= start - 1
        return Timeline(
            order=rows,
            keys=keys,
            start=start,
            span=span,
            moments=self.entities.moments,
            asked_groups=grouped.asked_groups,
            asked_moments=grouped.asked_moments,
            asked=grouped.asked,
        )


@dataclass(frozen=True)
class _Grouped:
    """Each row's group (-1 for none), and the distinct pairs of group and moment that the entities ask for."""

    rows: Codes
    asked_groups: Integers
    asked_moments: Codes
    asked: Codes


@dataclass(frozen=True)
class Timeline:
    """A table's rows in the order of group and second, and what is asked of it: distinct pairs of group and cutoff.

    `order` gives each place's row of the table, `keys` its group and second as one number: `group * span + second - start
    + 1`. `asked` gives each entity's pair, `asked_moments` each pair's cutoff among the distinct `moments`. What a method
    returns has one value for each pair, or for each place.
    """

    order: Codes
    keys: Integers
    start: int
    span: int
    moments: Integers
    asked_groups: Integers
    asked_moments: Codes
    asked: Codes
    _places: dict[int, Integers] = field(default_factory=dict)
    _running: dict[tuple[str | int, ...], "Running"] = field(default_factory=dict)

    @property
    def asked_cutoffs(self) -> Integers:
        """Each pair's cutoff."""
        return self.moments[self.asked_moments]

    @property
    def groups(self) -> Integers:
        """Each place's group."""
        return self.keys // self.span

    @property
    def seconds(self) -> Integers:
        """Each place's second."""
        return self.keys % self.span - 1 + self.start

    def until(self, ago: int = 0) -> Integers:
        """Return the place just after the last row of each group at or before `ago` seconds before its cutoff."""
        if ago not in self._places:
            asked = self.asked_cutoffs
            asked -= ago + self.start - 1
            np.clip(asked, 0, self.span - 1, out=asked)
            asked += self.asked_groups * self.span
            self._places[ago] = np.searchsorted(self.keys, asked, side="right").astype(np.int64, copy=False)
        return self._places[ago]

    def knows(self, places: Integers) -> Booleans:
        """Return whether the row before each pair's place is one of its own group."""
        if not len(self.keys):
            return np.zeros(len(places), bool)
        own: Booleans = (places > 0) & (self.keys[places - 1] >= self.asked_groups * self.span)
        return own

    def latest(self, events: Integers) -> Integers:
        """Return, for each place, that of the latest event of its group so far; of equals, the one known last.

        `events` has a second for each place.
        """
        if not len(events):
            return np.zeros(0, np.int64)
        first = int(events.min())
        ranked = self.groups * (int(events.max()) - first + 1) + (events - first)
        leads = ranked == np.maximum.accumulate(ranked)
        return np.maximum.accumulate(np.where(leads, np.arange(len(ranked)), 0))

    def running(self, key: tuple[str | int, ...], values: Floats, exact: bool) -> "Running":
        """Return the sums of each group's `values` (in the table's order) so far, made once for each `key`.

        Summed group by group, so that no value, however large or late, reaches another group's digits; in one go where
        the sums of all of them are `exact`.
        """
        if key not in self._running:
            placed, sums = values[self.order], np.zeros(len(self.order) + 1)
            if exact:
                np.cumsum(placed, out=sums[1:])
            else:
                sums[1:] = pd.Series(placed).groupby(self.groups, sort=False).cumsum()
            self._running[key] = Running(sums=sums, restarts=not exact)
        return self._running[key]

    def reached(self, running: "Running", ago: int = 0) -> Floats:
        """Return what `running` had reached for each group `ago` seconds before its cutoff, up to a constant each."""
        places = self.until(ago)
        sums: Floats = running.sums[places]
        return np.where(self.knows(places), sums, 0.0) if running.restarts else sums


@dataclass(frozen=True, kw_only=True)
class Running:
    """Sums before each place; they start again with each group, or run through all of them."""

    sums: Floats
    restarts: bool


def seconds(instants: pd.Series) -> Integers:
    """Return UTC instants as whole seconds since 1970, rounded up: a row is never known early."""
    return -(-_nanoseconds(instants) // 1_000_000_000)


def seconds_before(instants: pd.Series, hours: float) -> Integers:
    """Return the second `hours` before each UTC instant, rounded down: a cutoff is never late."""
    return _nanoseconds(instants) // 1_000_000_000 - math.ceil(hours * 3600)


def _nanoseconds(instants: pd.Series) -> Integers:
    nanoseconds: Integers = instants.dt.as_unit("ns").to_numpy("datetime64[ns]").astype(np.int64)
    return nanoseconds


def ratio(of: Floats, to: Floats) -> Floats:
    """Return `of` over `to`; missing where `to` is 0 or missing."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        quotient: Floats = of / to
    quotient[to == 0] = np.nan
    return quotient


def _coded(column: pd.Series) -> tuple[Codes, pd.Index]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy().astype(np.int32), column.cat.categories
    codes, levels = pd.factorize(column)
    return codes.astype(np.int32), pd.Index(levels)


def _both(groups: Codes, codes: Codes, levels: int) -> Integers:
    """Return groups divided by one more column; -1 where either is none."""
    both = groups.astype(np.int64)
    both *= levels
    both += codes
    both[(groups < 0) | (codes < 0)] = -1
    return both


def _distinct(codes: Integers, bound: int) -> tuple[Integers, Codes]:
    """Return the distinct codes (from 0 to below `bound`, ascending) and each one's place among them."""
    if bound > 8 * len(codes) + _SMALL:
        distinct, places = np.unique(codes, return_inverse=True)
        return distinct, places.astype(np.int32)
    there = np.zeros(bound, bool)
    there[codes] = True
    return np.flatnonzero(there), (np.cumsum(there, dtype=np.int32) - 1)[codes]


def _found(distinct: Integers, codes: Integers, bound: int) -> Codes:
    """Return the place of each code (from -1 to below `bound`) among the distinct ones; -1 where it is not there."""
    if bound > 8 * len(codes) + _SMALL:
        return pd.Index(distinct).get_indexer(pd.Index(codes)).astype(np.int32)
    places = np.full(bound + 1, -1, np.int32)
    places[distinct] = np.arange(len(distinct))
    return places[codes]


def _sums_exactly(values: Floats) -> bool:
    """Return whether floats add up these values without rounding, in any order: whole numbers below 2 ** 53 in all."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.abs(values).sum() < _EXACT and (values == np.trunc(values)).all())


def _latest_before(ends: Integers, groups: Integers) -> Integers:
    """Return, for each place, the latest of `ends` at the places of its group before; long ago where there is none."""
    if not len(ends):
        return ends
    first, span = int(ends.min()), int(ends.max() - ends.min()) + 1
    reached = np.maximum.accumulate(groups * span + ends - first)[:-1]
    own = np.append(False, groups[1:] == groups[:-1])
    return np.where(own, np.append(0, reached % span + first), np.iinfo(np.int64).min)


def _alive(starts: Integers, ends: Integers, moments: Integers) -> Floats:
    """Return how many of the spans `[start, end)` hold each moment."""
    begun = np.searchsorted(np.sort(starts), moments, side="right")
    over = np.searchsorted(np.sort(ends), moments, side="right")
    return (begun - over).astype(np.float64)
