"""Views of a table as of each entity's cutoff: only rows that are known by then."""

from dataclasses import dataclass, field

import numpy as np

from ml.arrays import Booleans, Codes, Floats, Integers
from ml.features.point_in_time.entities import Entities
from ml.features.point_in_time.grouping import distinct
from ml.features.point_in_time.histories import Clock, RunningSums, TableIndex, TimeAxis, Timeline, ValueKind


class AsOfView:
    """A table as of the entities' cutoffs. Window methods return one value for each pair of group and cutoff."""

    def __init__(self, table_index: TableIndex, entities: Entities) -> None:
        self.table_index, self.entities = table_index, entities
        self._pairs: dict[tuple[str, ...], _Pairs] = {}
        self._lookup_keys: dict[tuple[tuple[str, ...], TimeAxis], LookupKeys] = {}

    def lookup_keys(self, names: tuple[str, ...], axis: TimeAxis = "known_at") -> "LookupKeys":
        """Return the positions of the entities' cutoffs in the rows grouped by the columns `names`."""
        if (names, axis) not in self._lookup_keys:
            if names not in self._pairs:
                self._pairs[names] = self._build_pairs(names)
            self._lookup_keys[names, axis] = LookupKeys(
                self.table_index.timeline(names, axis), self.entities.distinct_cutoffs, self._pairs[names]
            )
        return self._lookup_keys[names, axis]

    def window_sum(self, group_columns: tuple[str, ...], column: str, ago: int, clock: Clock) -> Floats:
        """Return the sum of `column` over the rows of the last `ago` seconds, for each pair."""
        return self._window_values(group_columns, column, "values", ago, clock)

    def window_count(self, group_columns: tuple[str, ...], column: str, ago: int, clock: Clock) -> Floats:
        """Return the number of rows of the last `ago` seconds that have a value in `column`, for each pair."""
        return self._window_values(group_columns, column, "present", ago, clock)

    def mean_window_count(self, group_columns: tuple[str, ...], column: str, ago: int, clock: Clock) -> Floats:
        """Return, for each distinct cutoff, the mean of `window_count` over the groups that have rows in the window."""
        timeline = self.table_index.timeline(group_columns, "known_at" if clock == "known_at" else "effective")
        window_intervals = timeline.cached(
            ("lives", column, ago, clock),
            lambda: _WindowIntervals.build(self.table_index, timeline, column, ago, clock),
        )
        cutoffs = self.entities.distinct_cutoffs
        return ratio(
            _count_open(window_intervals.starts, window_intervals.ends, cutoffs),
            _count_open(window_intervals.group_starts, window_intervals.group_ends, cutoffs),
        )

    def _window_values(
        self, group_columns: tuple[str, ...], column: str, kind: ValueKind, ago: int, clock: Clock
    ) -> Floats:
        numbers, exact = self.table_index.column_values(column, kind)
        if clock == "known_at":
            keys = self.lookup_keys(group_columns)
            if numbers is None:
                return np.subtract(keys.end_positions(), keys.end_positions(ago), dtype=np.float64)
            sums = keys.timeline.cached(("sums", column, kind), lambda: keys.timeline.running_sums(numbers, exact))
            total = keys.sums_at(sums)
            total -= keys.sums_at(sums, ago)
            return total
        effective_keys, event_keys = (
            self.lookup_keys(group_columns, "effective"),
            self.lookup_keys(group_columns, "event_time"),
        )
        return self._sums_until(effective_keys, column, kind, ago) - self._sums_until(
            event_keys, column, kind, ago, ago
        )

    def _sums_until(self, keys: "LookupKeys", column: str, kind: ValueKind, within: int, ago: int = 0) -> Floats:
        """Return running sums `ago` seconds before each cutoff, of rows known less than `within` after the event."""
        numbers, exact = self.table_index.column_values(column, kind)
        timeline = keys.timeline
        sums = timeline.cached(
            ("sums", column, kind, within), lambda: timeline.running_sums(self._values_in_time(numbers, within), exact)
        )
        return keys.sums_at(sums, ago)

    def _values_in_time(self, numbers: Floats | None, ago: int) -> Floats:
        """Return the numbers of rows that are known less than `ago` seconds after their event, and 0 for other rows."""
        early = self.table_index.seconds("effective") < self.table_index.seconds("event_time") + ago
        return np.where(early, 1.0 if numbers is None else numbers, 0.0)

    def _build_pairs(self, names: tuple[str, ...]) -> "_Pairs":
        grouping, cutoff_count = self.table_index.group_by(names), len(self.entities.distinct_cutoffs)
        pair_codes = (grouping.lookup(self.entities).astype(np.int64) + 1) * cutoff_count + self.entities.cutoff_codes
        pairs, pair_of_entity = distinct(pair_codes, (grouping.size + 1) * cutoff_count)
        return _Pairs(
            groups=pairs // cutoff_count - 1,
            cutoff_codes=(pairs % cutoff_count).astype(np.int32),
            pair_of_entity=pair_of_entity.astype(np.intp),
        )


@dataclass(frozen=True, kw_only=True)
class _Pairs:
    """The distinct pairs of group (-1 for none) and cutoff of the entities, and the pair of each entity."""

    groups: Integers
    cutoff_codes: Codes
    pair_of_entity: Integers


@dataclass(frozen=True)
class LookupKeys:
    """The lookups in a timeline: distinct pairs of group and cutoff. Methods return one value for each pair.

    `pairs.pair_of_entity` has the pair of each entity, `pairs.cutoff_codes` each pair's index into `distinct_cutoffs`.
    """

    timeline: Timeline
    distinct_cutoffs: Integers
    pairs: _Pairs
    _end_positions: dict[int, Integers] = field(default_factory=dict)

    @property
    def cutoffs(self) -> Integers:
        """The cutoff of each pair."""
        return self.distinct_cutoffs[self.pairs.cutoff_codes]

    def end_positions(self, ago: int = 0) -> Integers:
        """Return the position after the last row of each group that is at least `ago` seconds before the cutoff."""
        if ago not in self._end_positions:
            targets = self.cutoffs
            targets -= ago + self.timeline.start - 1
            np.clip(targets, 0, self.timeline.span - 1, out=targets)
            targets += self.pairs.groups * self.timeline.span
            self._end_positions[ago] = np.searchsorted(self.timeline.keys, targets, side="right").astype(
                np.int64, copy=False
            )
        return self._end_positions[ago]

    def has_rows(self, positions: Integers) -> Booleans:
        """Return whether the row before each pair's position belongs to its group."""
        if not len(self.timeline.keys):
            return np.zeros(len(positions), bool)
        own: Booleans = (positions > 0) & (self.timeline.keys[positions - 1] >= self.pairs.groups * self.timeline.span)
        return own

    def sums_at(self, running: RunningSums, ago: int = 0) -> Floats:
        """Return the running sum of each group `ago` seconds before its cutoff, up to a constant per group."""
        positions = self.end_positions(ago)
        sums: Floats = running.sums[positions]
        return np.where(self.has_rows(positions), sums, 0.0) if running.restarts else sums


@dataclass(frozen=True, kw_only=True)
class _WindowIntervals:
    """The seconds at which rows, and groups with at least one row, enter and leave a window; each array is sorted."""

    starts: Integers
    ends: Integers
    group_starts: Integers
    group_ends: Integers

    @classmethod
    def build(
        cls, table_index: TableIndex, timeline: Timeline, column: str, ago: int, clock: Clock
    ) -> "_WindowIntervals":
        has_value, ends = (
            table_index.table[column].notna().to_numpy()[timeline.order],
            table_index.seconds(clock)[timeline.order] + ago,
        )
        kept = has_value & (ends > timeline.seconds)
        starts, ends, groups = timeline.seconds[kept], ends[kept], timeline.groups[kept]
        fresh = np.maximum(starts, _latest_before(ends, groups))
        group_starts, group_ends = fresh[fresh < ends], ends[fresh < ends]
        return cls(
            starts=np.sort(starts),
            ends=np.sort(ends),
            group_starts=np.sort(group_starts),
            group_ends=np.sort(group_ends),
        )


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Return `numerator` / `denominator`; NaN where the denominator is 0 or NaN.

    >>> ratio(np.array([1.0, 0.0]), np.array([4.0, 0.0])).tolist()
    [0.25, nan]
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        quotient: Floats = numerator / denominator
    quotient[denominator == 0] = np.nan
    return quotient


def _latest_before(ends: Integers, groups: Integers) -> Integers:
    """Return the latest of `ends` at earlier positions of the same group; the smallest int64 if there is none."""
    if not len(ends):
        return ends
    first, span = int(ends.min()), int(ends.max() - ends.min()) + 1
    reached = np.maximum.accumulate(groups * span + ends - first)[:-1]
    own = np.append(False, groups[1:] == groups[:-1])
    return np.where(own, np.append(0, reached % span + first), np.iinfo(np.int64).min)


def _count_open(starts: Integers, ends: Integers, cutoffs: Integers) -> Floats:
    """Return the number of intervals [start, end) that contain each cutoff; starts and ends are sorted."""
    started = np.searchsorted(starts, cutoffs, side="right")
    ended = np.searchsorted(ends, cutoffs, side="right")
    return (started - ended).astype(np.float64)
