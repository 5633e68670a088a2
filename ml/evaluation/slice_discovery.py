"""Weak slices, found and confirmed: rules of one or two conditions where a model's scores are wrong beside the rest.

A rule is sought on some nights and confirmed on later ones, so that what was looked at need not be paid for there, only
what was shortlisted. A slice is weak where the scores are off on average, not where it is hard: on labels that are hard
to tell, calibrated scores lose as much as they say that they will, and no other scores would lose less.
How answers are moved, in log-odds or in their own unit, is the target's to say.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from ml.arrays import Booleans, Floats, Strings
from ml.evaluation import slice_rules
from ml.evaluation.slice_rules import Condition
from ml.statistics import intervals
from ml.statistics.intervals import Interval, ScoredRows
from ml.targets import Target

_MIN_ROWS, _MAX_SHARE = 100, 0.5
_SHORTLIST_SIZE, _MAX_RANKED = 5, 200
_MAX_ROWS, _CHUNK_ROWS = 50_000, 10_000
_EPSILON, _SEED = 1e-9, 20130206


@dataclass(frozen=True, kw_only=True, slots=True)
class WeakSlice:
    """A rule that was shortlisted, and what it came to on the later nights.

    `expected` and `seen` are mean score and mean label (of a number: the shares of labels asked for, and found, below the
    answer), after each night's scores were moved to what came that night. `excess` is the loss that the correction learned
    with the rule spares there, a row.
    """

    rule: str
    rows: int
    expected: float
    observed: float
    excess: Interval

    @property
    def confirmed(self) -> bool:
        """Return whether the scores are shown to be wrong there."""
        return self.excess.low > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class SliceSearch:
    """How many rules were looked at, on how many rows, and those that were held against later nights."""

    rules: int
    rows: int
    shortlist: tuple[WeakSlice, ...]

    @property
    def confirmed(self) -> tuple[WeakSlice, ...]:
        """Return the weak slices."""
        return tuple(each for each in self.shortlist if each.confirmed)


@dataclass(frozen=True, slots=True)
class _RankedRule:
    """A rule, and the rows that it was found on."""

    rule: tuple[Condition, ...]
    mask: Booleans


def search(earlier: ScoredRows, later: ScoredRows, confidence: float, seed: int, target: Target) -> SliceSearch:
    """Return the rules that lose most on `earlier`, held against `later`, whose nights must be others.

    Searched are all single conditions (quintiles of numbers, the 20 commonest levels of categories, missing values) and
    all pairs of two features' conditions that hold on at least 100 rows of either, at most half of the earlier ones, and
    on half of the later nights; of more than 50,000 rows, a
    sample. The score of a rule is (sum of residuals)^2 / (sum of their variances), of a probability twice the nats that
    moving its log-odds by one constant would spare (Rao's score test). The best 5, each sought after those before it were mended, are corrected by that
    constant on the later rows: where scores are calibrated any correction loses in expectation, so that what it gains counts against
    the model. Intervals are Student's over nights; all lower bounds of a shortlist hold together at `confidence`
    (Bonferroni).

    Scores are first moved to what came in each night, so that a night's luck is not a slice's fault.
    """
    earlier = _sample(earlier, seed)
    single_conditions = tuple(slice_rules.enumerate_conditions(earlier.frame))
    rules, best = _rank_rules(earlier, single_conditions, target)
    ranked = [
        candidate
        for candidate in best
        if _is_persistent(slice_rules.rule_mask(candidate.rule, later.frame), later.nights)
    ]
    adjusted_confidence = 1 - 2 * (1 - confidence) / max(min(_SHORTLIST_SIZE, len(ranked)), 1)
    return SliceSearch(
        rules=rules,
        rows=len(earlier.labels),
        shortlist=tuple(_confirm_rules(ranked, earlier, later, adjusted_confidence, target)),
    )


def _sample(rows: ScoredRows, seed: int) -> ScoredRows:
    if len(rows.labels) <= _MAX_ROWS:
        return rows
    indices = np.sort(np.random.default_rng(seed).choice(len(rows.labels), _MAX_ROWS, replace=False))
    return ScoredRows(
        frame=rows.frame.iloc[indices],
        labels=rows.labels[indices],
        scores=rows.scores[indices],
        nights=rows.nights[indices],
    )


def _rank_rules(
    rows: ScoredRows, single_conditions: Sequence[Condition], target: Target
) -> tuple[int, list[_RankedRule]]:
    """Return how many rules are large enough, and the best of them, best first."""
    if not single_conditions:
        return 0, []
    raw = _center_by_night(target.offsets.to_raw(rows.scores), rows, target)
    residuals, weights = target.offsets.residuals(raw, rows.labels)
    masks = np.array([each.matches(rows.frame) for each in single_conditions])
    count, residual, weight = _pair_sums(masks, residuals, weights)
    large = (count >= _MIN_ROWS) & (count <= _MAX_SHARE * len(residuals)) & slice_rules.valid_pairs(single_conditions)
    statistic = np.where(large, residual**2 / np.maximum(weight, _EPSILON), -1.0)
    best = np.argsort(-statistic, axis=None, kind="stable")[: min(_MAX_RANKED, int(large.sum()))]
    candidates = []
    for one, other in np.column_stack(np.unravel_index(best, statistic.shape)):
        rule = (single_conditions[one],) if one == other else (single_conditions[one], single_conditions[other])
        candidates.append(_RankedRule(rule=rule, mask=masks[one] & masks[other]))
    return int(large.sum()), candidates


def _pair_sums(masks: Booleans, residuals: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Return count, sum of residuals and sum of weights of the rows under every pair of conditions, each (c, c)."""
    sums, ones = np.zeros((3, len(masks), len(masks))), np.ones(len(residuals))
    with threadpool_limits(1):
        for begin in range(0, masks.shape[1], _CHUNK_ROWS):
            rows = slice(begin, begin + _CHUNK_ROWS)
            part = masks[:, rows].astype(np.float32)
            for index, values in enumerate((ones, residuals, weights)):
                sums[index] += part @ (part * values[rows].astype(np.float32)).T
    count, residual, weight = sums
    return count, residual, weight


def _center_by_night(raw: Floats, rows: ScoredRows, target: Target) -> Floats:
    """Return raw answers after each night's were moved by one constant to what came in that night."""
    return target.offsets.center_groups(raw, rows.labels, pd.factorize(rows.nights)[0].astype(np.int64))


def _is_persistent(mask: Booleans, nights: Strings) -> bool:
    """Return whether a rule holds on rows enough, and on half of the nights: what holds on one is that night's luck."""
    night_count = len(np.unique(nights[mask]))
    return bool(mask.sum() >= _MIN_ROWS and night_count >= max(2, len(np.unique(nights)) / 2))


def _confirm_rules(
    ranked: Sequence[_RankedRule], earlier: ScoredRows, later: ScoredRows, confidence: float, target: Target
) -> Iterator[WeakSlice]:
    """Yield the worst rules, each the worst one left after those before it were mended, so that none is told twice.

    On the earlier rows all are mended, on the later ones those alone that are confirmed: until one is, every rule is held
    against the model's own scores.
    """
    masks = np.array([each.mask for each in ranked], dtype=np.float32)
    earlier_raw, later_raw = target.offsets.to_raw(earlier.scores), target.offsets.to_raw(later.scores)
    remaining = np.ones(len(ranked), bool)
    for _ in range(min(_SHORTLIST_SIZE, len(ranked))):
        earlier_raw, later_raw = (
            _center_by_night(earlier_raw, earlier, target),
            _center_by_night(later_raw, later, target),
        )
        corrections, statistic = target.offsets.fit_offsets(masks, earlier_raw, earlier.labels)
        best = int(np.argmax(np.where(remaining, statistic, -1.0)))
        remaining[best] = False
        mask = slice_rules.rule_mask(ranked[best].rule, later.frame)
        weakness = _test_correction(
            ranked[best].rule, mask, later_raw, float(corrections[best]), later, confidence, target
        )
        earlier_raw = earlier_raw + corrections[best] * ranked[best].mask
        if weakness.confirmed:
            later_raw = later_raw + corrections[best] * mask
        yield weakness


def _test_correction(
    rule: Sequence[Condition],
    mask: Booleans,
    raw: Floats,
    correction: float,
    later: ScoredRows,
    confidence: float,
    target: Target,
) -> WeakSlice:
    """Return what a correction spares on the later rows."""
    labels, to_scores = later.labels[mask], target.offsets.to_scores
    before, after = to_scores(raw[mask]), to_scores(raw[mask] + correction)
    expected, seen = target.expected_and_observed(labels, before)
    loss_reductions = target.row_loss(labels, before) - target.row_loss(labels, after)
    return WeakSlice(
        rule=" and ".join(map(str, rule)),
        rows=int(mask.sum()),
        expected=expected,
        observed=seen,
        excess=_excess(loss_reductions, later.nights[mask], confidence),
    )


def _excess(loss_reductions: Floats, nights: Strings, confidence: float) -> Interval:
    interval = intervals.ratio_by_night(loss_reductions, np.ones(len(loss_reductions)), nights, confidence, _SEED)
    assert interval is not None  # a rule holds on two nights or more
    return interval
