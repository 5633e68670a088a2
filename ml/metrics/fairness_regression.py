"""Fairness of regression models: bias, error, coverage and loss of each group of rows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ml.arrays import Booleans, Floats, Integers, Strings
from ml.governance.checks import Check, CheckStatus
from ml.metrics import quantile
from ml.statistics import intervals
from ml.statistics.intervals import Interval, ScoredRows
from ml.usecase import Fairness

_SEED = 20130207


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The metrics of the rows with one level of a column.

    All intervals are over nights; they are None if the value is undefined or there are too few nights. `bias` and
    `mean_absolute_error` are in the label's unit. `share_below` is the share of labels below the prediction, and
    `coverage_difference` is that share minus the share of all rows. `loss_ratio` is the loss divided by that of all
    rows.
    """

    column: str
    level: str
    rows: int
    gated: bool
    mean_label: Interval | None
    bias: Interval | None
    mean_absolute_error: Interval | None
    share_below: Interval | None
    loss: Interval | None
    coverage_difference: Interval | None
    loss_ratio: Interval | None

    @property
    def table_cells(self) -> tuple[tuple[str, Interval | None, int], ...]:
        """The cells of a table row: heading, interval, number of decimals."""
        return (
            ("mean label", self.mean_label, 2),
            ("bias", self.bias, 2),
            ("mean absolute error", self.mean_absolute_error, 2),
            ("share below the prediction", self.share_below, 2),
            ("minus that of all rows", self.coverage_difference, 2),
            ("relative loss", self.loss, 3),
            ("relative to all rows", self.loss_ratio, 2),
        )

    @property
    def chart_values(self) -> dict[str, tuple[Interval | None, float | None]]:
        """The intervals that a plot shows by title, each with its reference value."""
        return {
            "bias": (self.bias, 0.0),
            "mean absolute error": (self.mean_absolute_error, None),
            "share below, minus that of all rows": (self.coverage_difference, 0.0),
        }


def measure(
    rows: ScoredRows,
    levels: Mapping[str, Strings],
    included: Booleans,
    declared: Fairness,
    losses: Floats,
    confidence: float,
) -> tuple[Group, ...]:
    """Return the groups of each column that `declared` names, sorted by level.

    `levels` has the level of each row by column, and `losses` each row's loss, shape (n,). Only the rows where
    `included`, shape (n,), is true are compared; "all rows" are those. The intervals of `coverage_difference` and
    `loss_ratio`, which are gated, hold simultaneously for all gated groups at `confidence` (Bonferroni).
    """
    rows, levels = rows.select(included), {column: levels[column][included] for column in declared.group_by}
    subsets = [(by, level, levels[by] == level) for by in declared.group_by for level in np.unique(levels[by])]
    n_gated = sum(int(mask.sum()) >= declared.min_rows for _, _, mask in subsets)
    joint_confidence = 1 - (1 - confidence) / max(2 * n_gated, 1)
    sums = _NightSums.from_rows(rows, losses[included])
    return tuple(
        sums.measure_group(by, level, mask.astype(np.float64), declared.min_rows, confidence, joint_confidence)
        for by, level, mask in subsets
    )


def checks(groups: tuple[Group, ...], declared: Fairness) -> tuple[Check, ...]:
    """Return a coverage check and a loss check for each group that is large enough; a missing interval fails."""
    return tuple(check for each in groups if each.gated for check in _checks(each, declared))


def describe_bars(declared: Fairness) -> str:
    """Return a sentence that says which groups are gated, and by which bounds."""
    return (
        f"Groups of {declared.min_rows} rows or more are gated: their share of labels below the prediction must not be "
        f"shown further than {declared.coverage_margin} from that of all rows, and their loss must not be shown above "
        f"{declared.max_loss} times that of all rows."
    )


def _checks(group: Group, declared: Fairness) -> Iterator[Check]:
    name, margin = f"group {group.column}={group.level}", declared.coverage_margin
    coverage_difference, loss_ratio = group.coverage_difference, group.loss_ratio
    yield Check(
        name=f"{name}: share below the prediction, minus that of all rows",
        value=coverage_difference.value if coverage_difference else None,
        bar=f"not shown outside -{margin} to {margin}",
        status=CheckStatus.from_bool(
            coverage_difference is not None
            and coverage_difference.high >= -margin
            and coverage_difference.low <= margin
        ),
        setting="fairness.coverage_margin",
    )
    yield Check(
        name=f"{name}: loss relative to all rows",
        value=loss_ratio.value if loss_ratio else None,
        bar=f"not shown above {declared.max_loss}",
        status=CheckStatus.from_bool(loss_ratio is not None and loss_ratio.low <= declared.max_loss),
        setting="fairness.max_loss",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _NightSums:
    """The columns that are summed by night, each of shape (n,); `night_index` numbers the nights of the rows."""

    labels: Floats
    scores: Floats
    below: Floats
    losses: Floats
    night_index: Integers
    n_nights: int

    @classmethod
    def from_rows(cls, rows: ScoredRows, losses: Floats) -> "_NightSums":
        distinct_nights, night_index = np.unique(rows.nights.astype(str), return_inverse=True)
        below = quantile.row_coverage(rows.labels, rows.scores)
        return cls(
            labels=rows.labels,
            scores=rows.scores,
            below=below,
            losses=losses,
            night_index=night_index.astype(np.int64),
            n_nights=len(distinct_nights),
        )

    def measure_group(
        self, column: str, level: str, membership: Floats, min_rows: int, confidence: float, joint_confidence: float
    ) -> Group:
        def mean(values: Floats) -> Interval | None:
            night_sums, night_counts = self._sum_by_night(membership * values), self._sum_by_night(membership)
            return self._interval(lambda drawn: (drawn @ night_sums) / (drawn @ night_counts), confidence)

        errors = self.scores - self.labels
        return Group(
            column=column,
            level=level,
            rows=int(membership.sum()),
            gated=bool(membership.sum() >= min_rows),
            mean_label=mean(self.labels),
            bias=mean(errors),
            mean_absolute_error=mean(np.abs(errors)),
            share_below=intervals.clip_to_share(mean(self.below)),
            loss=mean(self.losses),
            coverage_difference=self._coverage_difference(membership, joint_confidence),
            loss_ratio=self._loss_ratio(membership, joint_confidence),
        )

    def _coverage_difference(self, membership: Floats, confidence: float) -> Interval | None:
        """Return the group's share below the prediction minus that of all rows; both vary with the night."""
        rows, group_rows = self._sum_by_night(np.ones(len(membership))), self._sum_by_night(membership)
        below, group_below = self._sum_by_night(self.below), self._sum_by_night(membership * self.below)
        return self._interval(
            lambda drawn: (drawn @ group_below) / (drawn @ group_rows) - (drawn @ below) / (drawn @ rows), confidence
        )

    def _loss_ratio(self, membership: Floats, confidence: float) -> Interval | None:
        """Return the group's mean loss divided by that of all rows."""
        rows, group_rows = self._sum_by_night(np.ones(len(membership))), self._sum_by_night(membership)
        losses, group_losses = self._sum_by_night(self.losses), self._sum_by_night(membership * self.losses)
        log_ratio = self._interval(
            lambda drawn: np.log((drawn @ group_losses) * (drawn @ rows) / ((drawn @ group_rows) * (drawn @ losses))),
            confidence,
        )
        if log_ratio is None:
            return None
        value, low, high = (float(np.exp(each)) for each in (log_ratio.value, log_ratio.low, log_ratio.high))
        return Interval(value=value, low=low, high=high)

    def _sum_by_night(self, values: Floats) -> Floats:
        return np.bincount(self.night_index, values, self.n_nights).astype(np.float64)

    def _interval(self, statistic: Callable[[Floats], Floats], confidence: float) -> Interval | None:
        return intervals.bootstrap_nights(statistic, self.n_nights, confidence, _SEED)
