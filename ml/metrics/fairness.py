"""Fairness of probability models: selection, error rates, calibration and ranking of each group of rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ml.arrays import Booleans, Floats, Integers, Strings
from ml.governance.checks import Check, CheckStatus
from ml.metrics import probability
from ml.statistics import intervals
from ml.statistics.intervals import Interval, ScoredRows
from ml.usecase import Cost, Fairness

_SEED = 20130203


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The metrics of the rows with one level of a column.

    All intervals are over nights; they are None if the value is undefined or there are too few nights. `selection_rate`
    is the share of rows acted on, `calibration_ratio` is mean score over mean label, and `relative_calibration` is that
    ratio divided by the ratio of all rows. `auc_difference` is ROC AUC minus that of all rows.
    """

    column: str
    level: str
    rows: int
    gated: bool
    base_rate: Interval | None
    selection_rate: Interval | None
    true_positive_rate: Interval | None
    false_positive_rate: Interval | None
    log_loss: Interval | None
    calibration_ratio: Interval | None
    relative_calibration: Interval | None
    auc_difference: Interval | None

    @property
    def table_cells(self) -> tuple[tuple[str, Interval | None, int], ...]:
        """The cells of a table row: heading, interval, number of decimals."""
        return (
            ("base rate", self.base_rate, 2),
            ("selection rate", self.selection_rate, 2),
            ("true positive rate", self.true_positive_rate, 2),
            ("false positive rate", self.false_positive_rate, 2),
            ("mean score / mean label", self.calibration_ratio, 2),
            ("relative to all rows", self.relative_calibration, 2),
            ("ROC AUC minus that of all rows", self.auc_difference, 3),
            ("log loss", self.log_loss, 3),
        )

    @property
    def chart_values(self) -> dict[str, tuple[Interval | None, float | None]]:
        """The intervals that a plot shows by title, each with its reference value."""
        return {
            "selection rate": (self.selection_rate, None),
            "TPR": (self.true_positive_rate, None),
            "FPR": (self.false_positive_rate, None),
            "mean score / mean label": (self.calibration_ratio, 1.0),
        }


def measure(
    rows: ScoredRows,
    levels: Mapping[str, Strings],
    included: Booleans,
    declared: Fairness,
    cost: Cost,
    confidence: float,
) -> tuple[Group, ...]:
    """Return the groups of each column that `declared` names, sorted by level.

    `levels` has the level of each row by column. Only the rows where `included`, shape (n,), is true are compared; "all
    rows" are those. The intervals of `relative_calibration` and `auc_difference`, which are gated, hold simultaneously
    for all gated groups at `confidence` (Bonferroni). Each of the other intervals holds by itself.
    """
    rows, levels = rows.select(included), {column: levels[column][included] for column in declared.group_by}
    subsets = [(by, level, levels[by] == level) for by in declared.group_by for level in np.unique(levels[by])]
    n_gated = sum(int(mask.sum()) >= declared.min_rows for _, _, mask in subsets)
    joint_confidence = 1 - (1 - confidence) / max(2 * n_gated, 1)
    night_sums = _NightSums.from_rows(rows, cost)
    return tuple(
        _measure_group(by, level, mask, night_sums, declared.min_rows, confidence, joint_confidence)
        for by, level, mask in subsets
    )


def checks(groups: tuple[Group, ...], declared: Fairness) -> tuple[Check, ...]:
    """Return a calibration check and a ranking check for each group that is large enough.

    A check fails if the interval lies outside the declared bounds, or if there is no interval.

    >>> near, far = Interval(value=1.3, low=1.1, high=1.5), Interval(value=1.5, low=1.3, high=1.7)
    >>> rest = dict.fromkeys(("base_rate", "selection_rate", "true_positive_rate", "false_positive_rate", "log_loss",
    ...                       "calibration_ratio", "auc_difference"))
    >>> groups = tuple(Group(column="zone", level=level, rows=900, gated=True, relative_calibration=interval, **rest)
    ...                for level, interval in (("north", near), ("south", far)))
    >>> [str(each.status) for each in checks(groups, Fairness(group_by=("zone",)))]  # bounds 0.85 to 1.2; no ROC AUC
    ['pass', 'fail', 'fail', 'fail']
    """
    return tuple(check for each in groups if each.gated for check in _checks(each, declared))


def equalised_odds_gaps(groups: tuple[Group, ...], column: str) -> tuple[float | None, float | None]:
    """Return the largest differences in true and false positive rate between the gated groups (equalised odds).

    A difference is None if fewer than two of these groups have the rate.
    """
    gated = [each for each in groups if each.column == column and each.gated]
    return _gap([each.true_positive_rate for each in gated]), _gap([each.false_positive_rate for each in gated])


def equalised_odds_remarks(groups: tuple[Group, ...], declared: Fairness) -> Iterator[str]:
    """Yield a sentence about the equalised odds of each column."""
    for column in declared.group_by:
        true_positive_gap, false_positive_gap = equalised_odds_gaps(groups, column)
        if true_positive_gap is None or false_positive_gap is None:
            yield f"* `{column}`: too few groups are large enough to compare."
        else:
            yield (
                f"* `{column}`: true positive rates differ by up to {true_positive_gap:.2f}, false positive rates by "
                f"up to {false_positive_gap:.2f}. This is reported, not gated: with one threshold, groups with "
                "different base rates have different error rates, however well the scores are calibrated."
            )


def describe_bars(declared: Fairness) -> str:
    """Return a sentence that says which groups are gated, and by which bounds."""
    return (
        f"Groups of {declared.min_rows} rows or more are gated: their ratio of mean score to mean label, relative to "
        f"that of all rows, must not be shown outside {declared.min_calibration} to {declared.max_calibration}, and "
        f"their ROC AUC must not be shown lower than that of all rows by more than {declared.auc_margin}."
    )


def _gap(rates: list[Interval | None]) -> float | None:
    values = [each.value for each in rates if each is not None]
    return max(values) - min(values) if len(values) > 1 else None


def _checks(group: Group, declared: Fairness) -> Iterator[Check]:
    name, low, high = f"group {group.column}={group.level}", declared.min_calibration, declared.max_calibration
    yield Check(
        name=f"{name}: calibration relative to all rows",
        value=group.relative_calibration.value if group.relative_calibration else None,
        bar=f"not shown outside {low} to {high}",
        status=CheckStatus.from_bool(
            group.relative_calibration is not None
            and group.relative_calibration.high >= low
            and group.relative_calibration.low <= high
        ),
        setting="fairness.min_calibration, fairness.max_calibration",
    )
    yield Check(
        name=f"{name}: ROC AUC minus that of all rows",
        value=group.auc_difference.value if group.auc_difference else None,
        bar=f"not shown below -{declared.auc_margin}",
        status=CheckStatus.from_bool(
            group.auc_difference is not None and group.auc_difference.high >= -declared.auc_margin
        ),
        setting="fairness.auc_margin",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _NightSums:
    """The columns that are summed by night, each of shape (n,); `night_index` numbers the nights of the rows."""

    labels: Floats
    scores: Floats
    is_selected: Floats
    log_losses: Floats
    night_index: Integers
    n_nights: int

    @classmethod
    def from_rows(cls, rows: ScoredRows, cost: Cost) -> "_NightSums":
        distinct_nights, night_index = np.unique(rows.nights.astype(str), return_inverse=True)
        return cls(
            labels=rows.labels,
            scores=rows.scores,
            is_selected=(rows.scores > cost.threshold).astype(np.float64),
            log_losses=probability.row_log_loss(rows.labels, rows.scores),
            night_index=night_index.astype(np.int64),
            n_nights=len(distinct_nights),
        )

    def sum_by_night(self, values: Floats) -> Floats:
        """Return the sum of `values`, shape (n,), over each night, shape (nights,)."""
        return np.bincount(self.night_index, values, self.n_nights).astype(np.float64)


def _measure_group(
    column: str,
    level: str,
    mask: Booleans,
    all_rows: _NightSums,
    min_rows: int,
    confidence: float,
    joint_confidence: float,
) -> Group:
    membership, rows = mask.astype(np.float64), all_rows
    positive, negative = membership * rows.labels, membership * (1 - rows.labels)

    def ratio(numerators: Floats, denominators: Floats) -> Interval | None:
        night_numerators, night_denominators = rows.sum_by_night(numerators), rows.sum_by_night(denominators)
        return intervals.bootstrap_nights(
            lambda drawn: (drawn @ night_numerators) / (drawn @ night_denominators), rows.n_nights, confidence, _SEED
        )

    return Group(
        column=column,
        level=level,
        rows=int(mask.sum()),
        gated=bool(mask.sum() >= min_rows),
        base_rate=intervals.clip_to_share(ratio(positive, membership)),
        selection_rate=intervals.clip_to_share(ratio(membership * rows.is_selected, membership)),
        true_positive_rate=intervals.clip_to_share(ratio(positive * rows.is_selected, positive)),
        false_positive_rate=intervals.clip_to_share(ratio(negative * rows.is_selected, negative)),
        log_loss=ratio(membership * rows.log_losses, membership),
        calibration_ratio=ratio(membership * rows.scores, positive),
        relative_calibration=_relative_calibration(rows, membership, joint_confidence),
        auc_difference=_auc_difference(rows, mask, joint_confidence),
    )


def _relative_calibration(rows: _NightSums, membership: Floats, confidence: float) -> Interval | None:
    """Return the group's ratio of mean score to mean label, divided by that of all rows; both vary with the night."""
    scores, labels = rows.sum_by_night(rows.scores), rows.sum_by_night(rows.labels)
    group_scores, group_labels = (
        rows.sum_by_night(membership * rows.scores),
        rows.sum_by_night(membership * rows.labels),
    )
    log_ratio = intervals.bootstrap_nights(
        lambda drawn: np.log((drawn @ group_scores) * (drawn @ labels) / ((drawn @ group_labels) * (drawn @ scores))),
        rows.n_nights,
        confidence,
        _SEED,
    )
    if log_ratio is None:
        return None
    value, low, high = (float(np.exp(each)) for each in (log_ratio.value, log_ratio.low, log_ratio.high))
    return Interval(value=value, low=low, high=high)


def _auc_difference(rows: _NightSums, mask: Booleans, confidence: float) -> Interval | None:
    """Return the group's ROC AUC minus that of all rows."""
    group_pairs, all_pairs = _pair_counts(rows, mask), _pair_counts(rows, np.ones(len(mask), bool))
    return intervals.bootstrap_nights(
        lambda drawn: _auc(drawn, group_pairs) - _auc(drawn, all_pairs), rows.n_nights, confidence, _SEED
    )


def _pair_counts(rows: _NightSums, mask: Booleans) -> tuple[Floats, Floats]:
    """Return the concordant pairs (ties count half) and all pairs, by night of the positive and night of the negative.

    Each has the shape (nights, nights).
    """
    concordant, pairs = np.zeros((2, rows.n_nights, rows.n_nights))
    night_masks = [mask & (rows.night_index == number) for number in range(rows.n_nights)]
    negatives = [np.sort(rows.scores[each & (rows.labels == 0)]) for each in night_masks]
    for positive_night, each in enumerate(night_masks):
        positives = rows.scores[each & (rows.labels == 1)]
        for negative_night, night_negatives in enumerate(negatives):
            ranks = np.searchsorted(night_negatives, positives, "left") + np.searchsorted(
                night_negatives, positives, "right"
            )
            concordant[positive_night, negative_night], pairs[positive_night, negative_night] = (
                ranks.sum() / 2,
                len(positives) * len(night_negatives),
            )
    return concordant, pairs


def _auc(drawn: Floats, pairs: tuple[Floats, Floats]) -> Floats:
    """Return the ROC AUC of each resample, with each night counted as often as it was drawn."""
    concordant, all_pairs = (((drawn @ each) * drawn).sum(axis=1) for each in pairs)
    auc: Floats = concordant / all_pairs
    return auc
