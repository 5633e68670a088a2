"""Whom a forecast of a number treats how: by group how far off it is, which way, and how often too high."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ml.arrays import Booleans, Floats, Integers, Strings
from ml.checks import Answer, Check
from ml.metrics import quantile
from ml.statistics import intervals
from ml.statistics.intervals import Answered, Interval
from ml.usecase import Fairness

_SEED = 20130207


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The rows of one level; every interval is over nights, None where it has no value or nights are too few.

    `bias` and `error` (mean absolute) are in the label's unit, `below` is the share of labels below the answer. `coverage`
    is that less everybody's, `burden` the loss as a multiple of everybody's.
    """

    by: str
    level: str
    rows: int
    gated: bool
    mean_label: Interval | None
    bias: Interval | None
    error: Interval | None
    below: Interval | None
    loss: Interval | None
    coverage: Interval | None
    burden: Interval | None

    @property
    def columns(self) -> tuple[tuple[str, Interval | None, int], ...]:
        """What a table tells of a group: a heading, the interval, its decimals."""
        return (
            ("mean label", self.mean_label, 2),
            ("bias", self.bias, 2),
            ("mean absolute error", self.error, 2),
            ("share below the answer", self.below, 2),
            ("less everybody's", self.coverage, 2),
            ("relative loss", self.loss, 3),
            ("as a multiple of everybody's", self.burden, 2),
        )

    @property
    def drawn(self) -> dict[str, tuple[Interval | None, float | None]]:
        """What a picture shows of a group, and what each is compared with."""
        return {
            "bias": (self.bias, 0.0),
            "mean absolute error": (self.error, None),
            "share below, less everybody's": (self.coverage, 0.0),
        }


def measure(
    rows: Answered,
    levels: Mapping[str, Strings],
    among: Booleans,
    declared: Fairness,
    lost: Floats,
    confidence: float,
) -> tuple[Group, ...]:
    """Return every group of every column in `levels` (the text of each row's level), in the order of their names.

    Only the rows under `among` are compared; they are everybody. `lost` is each row's loss, shape (n,). The intervals of
    `coverage` and `burden`, which are gated, hold for all groups together at `confidence` (Bonferroni).
    """
    rows, levels = rows.where(among), {by: levels[by][among] for by in declared.by}
    parts = [(by, level, levels[by] == level) for by in declared.by for level in np.unique(levels[by])]
    gated = sum(int(mask.sum()) >= declared.least_rows for _, _, mask in parts)
    together = 1 - (1 - confidence) / max(2 * gated, 1)
    sums = _Sums.of(rows, lost[among])
    return tuple(
        sums.group(by, level, mask.astype(np.float64), declared.least_rows, confidence, together)
        for by, level, mask in parts
    )


def checks(groups: tuple[Group, ...], declared: Fairness) -> tuple[Check, ...]:
    """Return a check of coverage and one of loss for each group that is large enough; a missing number fails."""
    return tuple(check for each in groups if each.gated for check in _checks(each, declared))


def bars(declared: Fairness) -> str:
    """Return in words which groups are gated, and how."""
    return (
        f"Gated are groups of {declared.least_rows} rows or more: the share of labels below the answer may not be shown "
        f"further than {declared.coverage_margin} from everybody's, nor the loss shown above {declared.most_loss} times "
        "everybody's."
    )


def _checks(group: Group, declared: Fairness) -> Iterator[Check]:
    name, margin = f"group {group.by}={group.level}", declared.coverage_margin
    coverage, burden = group.coverage, group.burden
    yield Check(
        name=f"{name}: share below the answer, less everybody's",
        value=coverage.value if coverage else None,
        bar=f"not shown outside -{margin} to {margin}",
        answer=Answer.of(coverage is not None and coverage.high >= -margin and coverage.low <= margin),
    )
    yield Check(
        name=f"{name}: loss as a multiple of everybody's",
        value=burden.value if burden else None,
        bar=f"not shown above {declared.most_loss}",
        answer=Answer.of(burden is not None and burden.low <= declared.most_loss),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sums:
    """What is summed by night, each (n,); `night` numbers the nights of the rows."""

    labels: Floats
    scores: Floats
    below: Floats
    lost: Floats
    night: Integers
    nights: int

    @classmethod
    def of(cls, rows: Answered, lost: Floats) -> "_Sums":
        distinct, night = np.unique(rows.nights.astype(str), return_inverse=True)
        below = quantile.row_coverage(rows.labels, rows.scores)
        return cls(
            labels=rows.labels,
            scores=rows.scores,
            below=below,
            lost=lost,
            night=night.astype(np.int64),
            nights=len(distinct),
        )

    def group(self, by: str, level: str, inside: Floats, least_rows: int, confidence: float, together: float) -> Group:
        def mean(values: Floats) -> Interval | None:
            over, under = self._by_night(inside * values), self._by_night(inside)
            return self._over(lambda drawn: (drawn @ over) / (drawn @ under), confidence)

        off = self.scores - self.labels
        return Group(
            by=by,
            level=level,
            rows=int(inside.sum()),
            gated=bool(inside.sum() >= least_rows),
            mean_label=mean(self.labels),
            bias=mean(off),
            error=mean(np.abs(off)),
            below=intervals.as_share(mean(self.below)),
            loss=mean(self.lost),
            coverage=self._coverage(inside, together),
            burden=self._burden(inside, together),
        )

    def _coverage(self, inside: Floats, confidence: float) -> Interval | None:
        """Return the group's share below less that of all rows: the luck of a night meets both."""
        rows, own = self._by_night(np.ones(len(inside))), self._by_night(inside)
        below, own_below = self._by_night(self.below), self._by_night(inside * self.below)
        return self._over(
            lambda drawn: (drawn @ own_below) / (drawn @ own) - (drawn @ below) / (drawn @ rows), confidence
        )

    def _burden(self, inside: Floats, confidence: float) -> Interval | None:
        """Return the group's mean loss over that of all rows."""
        rows, own = self._by_night(np.ones(len(inside))), self._by_night(inside)
        lost, own_lost = self._by_night(self.lost), self._by_night(inside * self.lost)
        found = self._over(
            lambda drawn: np.log((drawn @ own_lost) * (drawn @ rows) / ((drawn @ own) * (drawn @ lost))), confidence
        )
        if found is None:
            return None
        value, low, high = (float(np.exp(each)) for each in (found.value, found.low, found.high))
        return Interval(value=value, low=low, high=high)

    def _by_night(self, values: Floats) -> Floats:
        return np.bincount(self.night, values, self.nights).astype(np.float64)

    def _over(self, statistic: Callable[[Floats], Floats], confidence: float) -> Interval | None:
        return intervals.over_nights(statistic, self.nights, confidence, _SEED)
