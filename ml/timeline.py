"""Tables on a timeline: rows sorted by group and by the second they became known, asked by binary search.

`O((rows + entities) log rows)`: no row is visited per entity. A column is turned into numbers once, a combination of
columns sorted once, and a group and cutoff asked once, however many features and entities share them.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ml.arrays import Booleans, Floats, Integers

DAY_SECONDS = 86_400


class View:
    """A table as a list of entities may see it: only rows known by each entity's cutoff."""

    def __init__(self, table: pd.DataFrame, entities: pd.DataFrame, known_at: Integers, cutoffs: Integers) -> None:
        """`known_at` has each row's second (UTC, since 1970), `cutoffs` each entity's."""
        self.table, self.entities = table, entities
        self._known_at, self._cutoffs = known_at, cutoffs
        self._codes: dict[str, tuple[Integers, int]] = {}
        self._timelines: dict[tuple[str, ...], Timeline] = {}
        self._running: dict[tuple[tuple[str, ...], str], tuple[Floats, Floats]] = {}

    def by(self, names: tuple[str, ...]) -> "Timeline":
        """Return the timeline grouped by the columns `names`; a missing value is in no group."""
        if names not in self._timelines:
            groups = self._groups(names)
            here, there = groups[: len(self.table)], groups[len(self.table) :]
            order = np.lexsort((self._known_at, here))
            first, last = (int(f(self._cutoffs)) if len(self._cutoffs) else 0 for f in (np.min, np.max))
            asked, pairs = pd.factorize(there * (last - first + 1) + self._cutoffs - first)
            one = np.zeros(len(pairs), np.int64)
            one[asked] = np.arange(len(asked))
            made = Timeline(order, here[order], self._known_at[order], there[one], self._cutoffs[one], asked)
            self._timelines[names] = made
        return self._timelines[names]

    def gathered(self, by: tuple[str, ...], of: str, ago: int) -> tuple[Floats, Floats]:
        """Return sum and count of the values `of` that each entity's group came to know in the last `ago` seconds."""
        timeline = self.by(by)
        if (by, of) not in self._running:
            values = self.table[of].to_numpy(np.float64)
            known = ~np.isnan(values)
            running = (timeline.running(each) for each in (np.where(known, values, 0.0), known.astype(np.float64)))
            self._running[by, of] = next(running), next(running)
        total, count = (timeline.reached(each) - timeline.reached(each, ago) for each in self._running[by, of])
        return total[timeline.asked], count[timeline.asked]

    def _groups(self, names: tuple[str, ...]) -> Integers:
        """Return one integer per row of the table, then per entity, equal where all columns `names` are equal."""
        groups = np.zeros(len(self.table) + len(self.entities), np.int64)
        for name in names:
            codes, levels = self._coded(name)
            groups = pd.factorize(groups * levels + codes)[0].astype(np.int64)
        return groups

    def _coded(self, name: str) -> tuple[Integers, int]:
        """Return the column as numbers and how many there are; a missing value here never equals one there."""
        if name not in self._codes:
            both = pd.concat([self.table[name].astype(object), self.entities[name].astype(object)])
            codes, levels = pd.factorize(both)
            missing = np.where(np.arange(len(codes)) < len(self.table), len(levels), len(levels) + 1)
            self._codes[name] = np.where(codes < 0, missing, codes).astype(np.int64), len(levels) + 2
        return self._codes[name]


@dataclass(frozen=True)
class Timeline:
    """A table's rows in the order of group and second, and what is asked of it: distinct pairs of group and cutoff.

    `order` gives each place's row of the table, `asked` each entity's pair. What a method returns has one value for
    each pair, or for each place.
    """

    order: Integers
    groups: Integers
    seconds: Integers
    asked_groups: Integers
    asked_cutoffs: Integers
    asked: Integers

    @cached_property
    def _start(self) -> int:
        return int(self.seconds.min()) if len(self.seconds) else 0

    @cached_property
    def _span(self) -> int:
        return (int(self.seconds.max()) - self._start if len(self.seconds) else 0) + 2

    @cached_property
    def _keys(self) -> Integers:
        return self.groups * self._span + (self.seconds - self._start) + 1

    def until(self, ago: int = 0) -> Integers:
        """Return the place just after the last row that each group knew `ago` seconds before its cutoff."""
        offset = np.clip(self.asked_cutoffs - ago - self._start + 1, 0, self._span - 1)
        return np.searchsorted(self._keys, self.asked_groups * self._span + offset, side="right").astype(np.int64)

    def knows(self, places: Integers) -> Booleans:
        """Return whether the row before each pair's place is one of its own group."""
        if not len(self.groups):
            return np.zeros(len(places), bool)
        own: Booleans = (places > 0) & (self.groups[places - 1] == self.asked_groups)
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

    def running(self, values: Floats) -> Floats:
        """Return, for each place, the sum of its group's `values` (in the table's order) so far.

        Summed group by group, so that no value, however large or late, reaches another group's digits.
        """
        return np.asarray(pd.Series(values[self.order]).groupby(self.groups).cumsum(), np.float64)

    def reached(self, running: Floats, ago: int = 0) -> Floats:
        """Return what `running` had reached for each group `ago` seconds before its cutoff."""
        places = self.until(ago)
        return np.where(self.knows(places), running[places - 1], 0.0) if len(running) else np.zeros(len(places))


def seconds(instants: pd.Series) -> Integers:
    """Return UTC instants as whole seconds since 1970, rounded up: a row is never known early."""
    nanoseconds = instants.dt.as_unit("ns").to_numpy("datetime64[ns]").astype(np.int64)
    rounded: Integers = -(-nanoseconds // 1_000_000_000)
    return rounded
