"""A table as entities may see it: only rows known by each entity's cutoff."""

from dataclasses import dataclass, field

import numpy as np

from ml.arrays import Booleans, Codes, Floats, Integers
from ml.features.point_in_time.entities import Entities
from ml.features.point_in_time.grouping import distinct
from ml.features.point_in_time.histories import Clock, History, Line, Of, Running, Timeline


class View:
    """A history as a list of entities may see it."""

    def __init__(self, history: History, entities: Entities) -> None:
        self.history, self.entities = history, entities
        self._pairs: dict[tuple[str, ...], _Pairs] = {}
        self._asked: dict[tuple[tuple[str, ...], Line], Asked] = {}

    def by(self, names: tuple[str, ...], line: Line = "known_at") -> "Asked":
        """Return what is asked of the history grouped by the columns `names`."""
        if (names, line) not in self._asked:
            if names not in self._pairs:
                self._pairs[names] = self._paired(names)
            self._asked[names, line] = Asked(self.history.line(names, line), self.entities.moments, self._pairs[names])
        return self._asked[names, line]

    def summed(self, by: tuple[str, ...], of: str, ago: int, on: Clock) -> Floats:
        """Return, for each pair of `by`, the sum of the values `of` of the rows in the last `ago` seconds."""
        return self._gathered(by, of, "values", ago, on)

    def counted(self, by: tuple[str, ...], of: str, ago: int, on: Clock) -> Floats:
        """Return, for each pair of `by`, how many rows of the last `ago` seconds have a value `of`."""
        return self._gathered(by, of, "places", ago, on)

    def usual_count(self, by: tuple[str, ...], of: str, ago: int, on: Clock) -> Floats:
        """Return, for each moment, how many rows with a value `of` a group of the last `ago` seconds has on average."""
        line = self.history.line(by, "known_at" if on == "known_at" else "seen")
        lives = line.made(("lives", of, ago, on), lambda: _Lives.of(self.history, line, of, ago, on))
        moments = self.entities.moments
        return ratio(_alive(lives.starts, lives.ends, moments), _alive(lives.begun, lives.over, moments))

    def _gathered(self, by: tuple[str, ...], of: str, kind: Of, ago: int, on: Clock) -> Floats:
        numbers, exact = self.history.numbers(of, kind)
        if on == "known_at":
            asked = self.by(by)
            if numbers is None:
                return np.subtract(asked.until(), asked.until(ago), dtype=np.float64)
            running = asked.line.made(("sums", of, kind), lambda: asked.line.running(numbers, exact))
            total = asked.reached(running)
            total -= asked.reached(running, ago)
            return total
        seen, happened = self.by(by, "seen"), self.by(by, "event_time")
        return self._passed(seen, of, kind, ago) - self._passed(happened, of, kind, ago, ago)

    def _passed(self, asked: "Asked", of: str, kind: Of, within: int, ago: int = 0) -> Floats:
        """Return what had been gathered on a line `ago` seconds before each cutoff, of rows seen `within` their event."""
        numbers, exact = self.history.numbers(of, kind)
        line = asked.line
        running = line.made(("sums", of, kind, within), lambda: line.running(self._in_time(numbers, within), exact))
        return asked.reached(running, ago)

    def _in_time(self, numbers: Floats | None, ago: int) -> Floats:
        """Return the numbers of those rows that are seen before their event is `ago` seconds past, and 0 for others."""
        early = self.history.seconds("seen") < self.history.seconds("event_time") + ago
        return np.where(early, 1.0 if numbers is None else numbers, 0.0)

    def _paired(self, names: tuple[str, ...]) -> "_Pairs":
        grouping, moments = self.history.by(names), len(self.entities.moments)
        places = (grouping.asked(self.entities).astype(np.int64) + 1) * moments + self.entities.moment
        pairs, of = distinct(places, (grouping.size + 1) * moments)
        return _Pairs(groups=pairs // moments - 1, moments=(pairs % moments).astype(np.int32), of=of.astype(np.intp))


@dataclass(frozen=True, kw_only=True)
class _Pairs:
    """The distinct pairs of group (-1 for none) and moment that entities ask for, and the pair `of` each entity."""

    groups: Integers
    moments: Codes
    of: Integers


@dataclass(frozen=True)
class Asked:
    """What is asked of a line: distinct pairs of group and cutoff. What a method returns has one value for each pair.

    `pairs.of` gives each entity's pair, `pairs.moments` each pair's cutoff among the distinct `moments`.
    """

    line: Timeline
    moments: Integers
    pairs: _Pairs
    _places: dict[int, Integers] = field(default_factory=dict)

    @property
    def cutoffs(self) -> Integers:
        """Each pair's cutoff."""
        return self.moments[self.pairs.moments]

    def until(self, ago: int = 0) -> Integers:
        """Return the place just after the last row of each group at or before `ago` seconds before its cutoff."""
        if ago not in self._places:
            asked = self.cutoffs
            asked -= ago + self.line.start - 1
            np.clip(asked, 0, self.line.span - 1, out=asked)
            asked += self.pairs.groups * self.line.span
            self._places[ago] = np.searchsorted(self.line.keys, asked, side="right").astype(np.int64, copy=False)
        return self._places[ago]

    def knows(self, places: Integers) -> Booleans:
        """Return whether the row before each pair's place is one of its own group."""
        if not len(self.line.keys):
            return np.zeros(len(places), bool)
        own: Booleans = (places > 0) & (self.line.keys[places - 1] >= self.pairs.groups * self.line.span)
        return own

    def reached(self, running: Running, ago: int = 0) -> Floats:
        """Return what `running` had reached for each group `ago` seconds before its cutoff, up to a constant each."""
        places = self.until(ago)
        sums: Floats = running.sums[places]
        return np.where(self.knows(places), sums, 0.0) if running.restarts else sums


@dataclass(frozen=True, kw_only=True)
class _Lives:
    """When rows enter a window and leave it (`starts`, `ends`), and when their groups do (`begun`, `over`); each sorted."""

    starts: Integers
    ends: Integers
    begun: Integers
    over: Integers

    @classmethod
    def of(cls, history: History, line: Timeline, of: str, ago: int, on: Clock) -> "_Lives":
        there, ends = history.table[of].notna().to_numpy()[line.order], history.seconds(on)[line.order] + ago
        kept = there & (ends > line.seconds)
        starts, ends, groups = line.seconds[kept], ends[kept], line.groups[kept]
        fresh = np.maximum(starts, _latest_before(ends, groups))
        begun, over = fresh[fresh < ends], ends[fresh < ends]
        return cls(starts=np.sort(starts), ends=np.sort(ends), begun=np.sort(begun), over=np.sort(over))


def ratio(of: Floats, to: Floats) -> Floats:
    """Return `of` over `to`; missing where `to` is 0 or missing."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        quotient: Floats = of / to
    quotient[to == 0] = np.nan
    return quotient


def _latest_before(ends: Integers, groups: Integers) -> Integers:
    """Return, for each place, the latest of `ends` at the places of its group before; long ago where there is none."""
    if not len(ends):
        return ends
    first, span = int(ends.min()), int(ends.max() - ends.min()) + 1
    reached = np.maximum.accumulate(groups * span + ends - first)[:-1]
    own = np.append(False, groups[1:] == groups[:-1])
    return np.where(own, np.append(0, reached % span + first), np.iinfo(np.int64).min)


def _alive(starts: Integers, ends: Integers, moments: Integers) -> Floats:
    """Return how many of the spans `[start, end)`, given as sorted starts and sorted ends, hold each moment."""
    begun = np.searchsorted(starts, moments, side="right")
    over = np.searchsorted(ends, moments, side="right")
    return (begun - over).astype(np.float64)
