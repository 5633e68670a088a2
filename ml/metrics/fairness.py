"""Whom a model treats how: by group who is acted on, who is missed, and whether scores mean the same for all."""

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
    """The rows of one level; every interval is over nights, None where it has no value or nights are too few.

    `selected` is the share acted on, `found` that of the positives (true positive rate), `alarmed` that of the negatives
    (false positive rate). `calibration` is mean score over mean label, `parity` that as a multiple of everybody's, `rank`
    ROC AUC less everybody's.
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
        """What a table tells of a group: a heading, the interval, its decimals."""
        return (
            ("base rate", self.base_rate, 2),
            ("acted on", self.selection_rate, 2),
            ("found (TPR)", self.true_positive_rate, 2),
            ("alarmed for nothing (FPR)", self.false_positive_rate, 2),
            ("expected over seen", self.calibration_ratio, 2),
            ("beside everybody's", self.relative_calibration, 2),
            ("AUC less everybody's", self.auc_difference, 3),
            ("log loss", self.log_loss, 3),
        )

    @property
    def chart_values(self) -> dict[str, tuple[Interval | None, float | None]]:
        """What a picture shows of a group, and what each is compared with."""
        return {
            "acted on": (self.selection_rate, None),
            "TPR": (self.true_positive_rate, None),
            "FPR": (self.false_positive_rate, None),
            "expected / seen": (self.calibration_ratio, 1.0),
        }


def measure(
    rows: ScoredRows,
    levels: Mapping[str, Strings],
    included: Booleans,
    declared: Fairness,
    cost: Cost,
    confidence: float,
) -> tuple[Group, ...]:
    """Return every group of every column in `levels` (the text of each row's level), in the order of their names.

    Only the rows under `among` are compared; they are everybody.

    The intervals of `parity` and `rank`, which are gated, are Student's and hold for all groups together at
    `confidence` (Bonferroni); each of the others holds alone.
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
    """Return a check of calibration and one of ranking for each group that is large enough; a missing number fails.

    A group fails where it is shown outside the declared bounds.
    """
    return tuple(check for each in groups if each.gated for check in _checks(each, declared))


def equalised_odds_gaps(groups: tuple[Group, ...], column: str) -> tuple[float | None, float | None]:
    """Return how far apart the gated groups of a column lie in true and false positive rate (equalised odds)."""
    gated = [each for each in groups if each.column == column and each.gated]
    return _gap([each.true_positive_rate for each in gated]), _gap([each.false_positive_rate for each in gated])


def equalised_odds_remarks(groups: tuple[Group, ...], declared: Fairness) -> Iterator[str]:
    """Yield a sentence on the equalised odds of each column."""
    for column in declared.group_by:
        true_positive_gap, false_positive_gap = equalised_odds_gaps(groups, column)
        if true_positive_gap is None or false_positive_gap is None:
            yield f"* `{column}`: too few groups are large enough to compare."
        else:
            yield (
                f"* `{column}`: true positive rates lie up to {true_positive_gap:.2f} apart, false positive rates up to {false_positive_gap:.2f}. Told, "
                "not gated: with one threshold for all, base rates that differ part them, however well scores are calibrated."
            )


def describe_bars(declared: Fairness) -> str:
    """Return in words which groups are gated, and how."""
    return (
        f"Gated are groups of {declared.min_rows} rows or more: mean score over mean label, as a multiple of everybody's, may "
        f"not be shown outside {declared.min_calibration} to {declared.max_calibration}, nor ROC AUC shown lower than "
        f"everybody's by more than {declared.auc_margin}."
    )


def _gap(rates: list[Interval | None]) -> float | None:
    values = [each.value for each in rates if each is not None]
    return max(values) - min(values) if len(values) > 1 else None


def _checks(group: Group, declared: Fairness) -> Iterator[Check]:
    name, low, high = f"group {group.column}={group.level}", declared.min_calibration, declared.max_calibration
    yield Check(
        name=f"{name}: calibration beside everybody's",
        value=group.relative_calibration.value if group.relative_calibration else None,
        bar=f"not shown outside {low} to {high}",
        status=CheckStatus.from_bool(
            group.relative_calibration is not None
            and group.relative_calibration.high >= low
            and group.relative_calibration.low <= high
        ),
    )
    yield Check(
        name=f"{name}: ROC AUC beside everybody's",
        value=group.auc_difference.value if group.auc_difference else None,
        bar=f"not shown below -{declared.auc_margin}",
        status=CheckStatus.from_bool(
            group.auc_difference is not None and group.auc_difference.high >= -declared.auc_margin
        ),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _NightSums:
    """What is summed by night: labels, scores, whether a row is acted on, its log loss; `night` numbers them."""

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
        """Return the sum of each night, shape (nights,)."""
        return np.bincount(self.night_index, values, self.n_nights).astype(np.float64)


def _measure_group(
    column: str,
    level: str,
    mask: Booleans,
    all_rows: _NightSums,
    least_rows: int,
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
        gated=bool(mask.sum() >= least_rows),
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
    """Return the group's mean score over mean label, over that of all rows: the luck of a night meets both."""
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
    """Return the group's ROC AUC less that of all rows."""
    group_pairs, all_pairs = _pair_counts(rows, mask), _pair_counts(rows, np.ones(len(mask), bool))
    return intervals.bootstrap_nights(
        lambda drawn: _auc(drawn, group_pairs) - _auc(drawn, all_pairs), rows.n_nights, confidence, _SEED
    )


def _pair_counts(rows: _NightSums, mask: Booleans) -> tuple[Floats, Floats]:
    """Return the pairs of a positive of one night and a negative of another: those ranked rightly (ties half), and all."""
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
    """Return the AUC of each resample, in which a night counts as often as it was drawn."""
    concordant, all_pairs = (((drawn @ each) * drawn).sum(axis=1) for each in pairs)
    auc: Floats = concordant / all_pairs
    return auc
