"""Discovery of weak slices: rules of one or two conditions under which a model's scores are biased.

Rules are searched on earlier nights and confirmed on later ones, so that the correction for multiple testing covers
only the shortlist, not the whole search. A slice is weak if its scores are off on average, not if its labels are hard
to predict: calibrated scores on hard labels lose as much as they imply, and no constant correction lowers that loss.
The target determines the scale of corrections: log-odds, or the unit of the label.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from ml.arrays import Booleans, Floats, Integers, Strings
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
    """A shortlisted rule, and its result on the later nights.

    `expected` and `observed` are the mean score and the mean label (for a regression: the nominal and the observed
    share of labels below the score), after the scores of each night were shifted to match that night's labels. `excess`
    is the loss per row that the correction fitted on the earlier rows saves on the later ones.
    """

    rule: str
    rows: int
    expected: float
    observed: float
    excess: Interval

    @property
    def confirmed(self) -> bool:
        """Return whether the slice is shown to be weak: the interval of `excess` lies above 0.

        >>> weak = WeakSlice(
        ...     rule="zone=east", rows=400, expected=0.2, observed=0.3, excess=Interval(value=0.02, low=0.01, high=0.03)
        ... )
        >>> weak.confirmed
        True
        """
        return self.excess.low > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class SliceSearch:
    """The number of rules searched, the number of earlier rows, and the shortlist that was tested on later nights."""

    rules: int
    rows: int
    shortlist: tuple[WeakSlice, ...]

    @property
    def confirmed(self) -> tuple[WeakSlice, ...]:
        """Return the confirmed weak slices."""
        return tuple(each for each in self.shortlist if each.confirmed)


@dataclass(frozen=True, slots=True)
class _RankedRule:
    """A rule, and a mask of the earlier rows that it matches."""

    rule: tuple[Condition, ...]
    mask: Booleans


def search(earlier: ScoredRows, later: ScoredRows, confidence: float, seed: int, target: Target) -> SliceSearch:
    """Return the rules with the largest bias on `earlier`, tested on `later`, which must have other nights.

    The search covers all single conditions (quintiles of numbers, the 20 most common levels of categories, missing
    values) and all pairs of conditions on two features. A rule must match at least 100 rows of both sets, at most half
    of the earlier rows, and half of the later nights. Of more than 50,000 earlier rows, a random sample is used.

    The statistic of a rule is (sum of residuals)^2 / (sum of their variances). For probabilities, it is twice the nats
    that one constant added to the log-odds would save (Rao's score test). The best 5 rules are shortlisted; each is
    chosen after the correction of those before it. The constant of each is then applied to the later rows. If the
    scores are calibrated, any correction raises the expected loss, so a saving is evidence against the model. Intervals
    are Student's over nights; all lower bounds of a shortlist hold simultaneously at `confidence` (Bonferroni).

    The scores of each night are first shifted to match that night's labels, so that the level of a night is not
    attributed to a slice.
    """
    earlier = _sample(earlier, seed)
    single_conditions = tuple(slice_rules.enumerate_conditions(earlier.frame))
    rules, best = _rank_rules(earlier, single_conditions, target)
    night_codes = _number_nights(later)
    night_count = len(np.unique(night_codes))
    ranked = [
        candidate
        for candidate in best
        if _is_persistent(slice_rules.rule_mask(candidate.rule, later.frame), night_codes, night_count)
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
    """Return the number of rules that match enough rows, and the best of them, best first."""
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
    """Return the row count, the sum of residuals and the sum of weights for each pair of conditions, each (c, c)."""
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
    """Return the raw scores after a constant shift of each night, which makes them match that night's labels."""
    return target.offsets.center_groups(raw, rows.labels, _number_nights(rows))


def _number_nights(rows: ScoredRows) -> Integers:
    """Return the number of each row's night, from 0, in the order of their first rows."""
    return pd.factorize(rows.nights)[0].astype(np.int64)


def _is_persistent(mask: Booleans, night_codes: Integers, night_count: int) -> bool:
    """Return whether a rule matches enough rows, on at least two nights and at least half of them.

    `night_codes` has the number of each row's night, from 0 to `night_count` - 1. A bias on a single night may be a
    property of that night.
    """
    matched_nights = np.count_nonzero(np.bincount(night_codes[mask], minlength=night_count))
    return bool(mask.sum() >= _MIN_ROWS and matched_nights >= max(2, night_count / 2))


def _confirm_rules(
    ranked: Sequence[_RankedRule], earlier: ScoredRows, later: ScoredRows, confidence: float, target: Target
) -> Iterator[WeakSlice]:
    """Yield the worst rules; each is the worst after those before it were corrected, so that none repeats another.

    On the earlier rows, every yielded rule is corrected. On the later rows, only confirmed rules are: until one is
    confirmed, each rule is tested on the model's own scores.
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
    """Return the weak slice with the loss that the correction saves on the later rows."""
    labels, to_scores = later.labels[mask], target.offsets.to_scores
    before, after = to_scores(raw[mask]), to_scores(raw[mask] + correction)
    expected, observed = target.expected_and_observed(labels, before)
    loss_reductions = target.row_loss(labels, before) - target.row_loss(labels, after)
    return WeakSlice(
        rule=" and ".join(map(str, rule)),
        rows=int(mask.sum()),
        expected=expected,
        observed=observed,
        excess=_excess(loss_reductions, later.nights[mask], confidence),
    )


def _excess(loss_reductions: Floats, nights: Strings, confidence: float) -> Interval:
    interval = intervals.ratio_by_night(loss_reductions, np.ones(len(loss_reductions)), nights, confidence, _SEED)
    assert interval is not None  # a persistent rule matches rows of two nights or more
    return interval
