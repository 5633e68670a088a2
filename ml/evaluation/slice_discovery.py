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
from ml.statistics.intervals import Answered, Interval
from ml.targets import Target

_LEAST_ROWS, _LARGEST_SHARE = 100, 0.5
_SHORTLIST, _CONSIDERED = 5, 200
_ROWS, _CHUNK = 50_000, 10_000
_SMALLEST, _SEED = 1e-9, 20130206


@dataclass(frozen=True, kw_only=True, slots=True)
class Weakness:
    """A rule that was shortlisted, and what it came to on the later nights.

    `expected` and `seen` are mean score and mean label (of a number: the shares of labels asked for, and found, below the
    answer), after each night's scores were moved to what came that night. `excess` is the loss that the correction learned
    with the rule spares there, a row.
    """

    rule: str
    rows: int
    expected: float
    seen: float
    excess: Interval

    @property
    def confirmed(self) -> bool:
        """Return whether the scores are shown to be wrong there."""
        return self.excess.low > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """How many rules were looked at, on how many rows, and those that were held against later nights."""

    rules: int
    rows: int
    shortlist: tuple[Weakness, ...]

    @property
    def confirmed(self) -> tuple[Weakness, ...]:
        """Return the weak slices."""
        return tuple(each for each in self.shortlist if each.confirmed)


@dataclass(frozen=True, slots=True)
class _Found:
    """A rule, and the rows that it was found on."""

    rule: tuple[Condition, ...]
    mask: Booleans


def search(earlier: Answered, later: Answered, confidence: float, seed: int, target: Target) -> Search:
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
    earlier = _sampled(earlier, seed)
    looked_at = tuple(slice_rules.every(earlier.frame))
    rules, best = _ranked(earlier, looked_at, target)
    ranked = [found for found in best if _lasts(slice_rules.mask(found.rule, later.frame), later.nights)]
    each = 1 - 2 * (1 - confidence) / max(min(_SHORTLIST, len(ranked)), 1)
    return Search(
        rules=rules, rows=len(earlier.labels), shortlist=tuple(_pursued(ranked, earlier, later, each, target))
    )


def _sampled(rows: Answered, seed: int) -> Answered:
    if len(rows.labels) <= _ROWS:
        return rows
    taken = np.sort(np.random.default_rng(seed).choice(len(rows.labels), _ROWS, replace=False))
    return Answered(
        frame=rows.frame.iloc[taken], labels=rows.labels[taken], scores=rows.scores[taken], nights=rows.nights[taken]
    )


def _ranked(rows: Answered, looked_at: Sequence[Condition], target: Target) -> tuple[int, list[_Found]]:
    """Return how many rules are large enough, and the best of them, best first."""
    if not looked_at:
        return 0, []
    raw = _centred(target.shifts.raw(rows.scores), rows, target)
    residuals, weights = target.shifts.residuals(raw, rows.labels)
    held = np.array([each.holds(rows.frame) for each in looked_at])
    count, residual, weight = _sums(held, residuals, weights)
    large = (count >= _LEAST_ROWS) & (count <= _LARGEST_SHARE * len(residuals)) & slice_rules.rules(looked_at)
    statistic = np.where(large, residual**2 / np.maximum(weight, _SMALLEST), -1.0)
    best = np.argsort(-statistic, axis=None, kind="stable")[: min(_CONSIDERED, int(large.sum()))]
    found = []
    for one, other in np.column_stack(np.unravel_index(best, statistic.shape)):
        rule = (looked_at[one],) if one == other else (looked_at[one], looked_at[other])
        found.append(_Found(rule=rule, mask=held[one] & held[other]))
    return int(large.sum()), found


def _sums(held: Booleans, residuals: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Return count, sum of residuals and sum of weights of the rows under every pair of conditions, each (c, c)."""
    sums, ones = np.zeros((3, len(held), len(held))), np.ones(len(residuals))
    with threadpool_limits(1):
        for begin in range(0, held.shape[1], _CHUNK):
            rows = slice(begin, begin + _CHUNK)
            part = held[:, rows].astype(np.float32)
            for place, values in enumerate((ones, residuals, weights)):
                sums[place] += part @ (part * values[rows].astype(np.float32)).T
    count, residual, weight = sums
    return count, residual, weight


def _centred(raw: Floats, rows: Answered, target: Target) -> Floats:
    """Return raw answers after each night's were moved by one constant to what came in that night."""
    return target.shifts.centred(raw, rows.labels, pd.factorize(rows.nights)[0].astype(np.int64))


def _lasts(mask: Booleans, nights: Strings) -> bool:
    """Return whether a rule holds on rows enough, and on half of the nights: what holds on one is that night's luck."""
    on = len(np.unique(nights[mask]))
    return bool(mask.sum() >= _LEAST_ROWS and on >= max(2, len(np.unique(nights)) / 2))


def _pursued(
    ranked: Sequence[_Found], earlier: Answered, later: Answered, confidence: float, target: Target
) -> Iterator[Weakness]:
    """Yield the worst rules, each the worst one left after those before it were mended, so that none is told twice.

    On the earlier rows all are mended, on the later ones those alone that are confirmed: until one is, every rule is held
    against the model's own scores.
    """
    masks = np.array([each.mask for each in ranked], dtype=np.float32)
    learned, judged = target.shifts.raw(earlier.scores), target.shifts.raw(later.scores)
    left = np.ones(len(ranked), bool)
    for _ in range(min(_SHORTLIST, len(ranked))):
        learned, judged = _centred(learned, earlier, target), _centred(judged, later, target)
        corrections, statistic = target.shifts.needed(masks, learned, earlier.labels)
        best = int(np.argmax(np.where(left, statistic, -1.0)))
        left[best] = False
        mask = slice_rules.mask(ranked[best].rule, later.frame)
        weakness = _held(ranked[best].rule, mask, judged, float(corrections[best]), later, confidence, target)
        learned = learned + corrections[best] * ranked[best].mask
        if weakness.confirmed:
            judged = judged + corrections[best] * mask
        yield weakness


def _held(
    rule: Sequence[Condition],
    mask: Booleans,
    raw: Floats,
    correction: float,
    later: Answered,
    confidence: float,
    target: Target,
) -> Weakness:
    """Return what a correction spares on the later rows."""
    labels, answers = later.labels[mask], target.shifts.answers
    before, after = answers(raw[mask]), answers(raw[mask] + correction)
    expected, seen = target.expected_and_seen(labels, before)
    spared = target.row_loss(labels, before) - target.row_loss(labels, after)
    return Weakness(
        rule=" and ".join(map(str, rule)),
        rows=int(mask.sum()),
        expected=expected,
        seen=seen,
        excess=_excess(spared, later.nights[mask], confidence),
    )


def _excess(spared: Floats, nights: Strings, confidence: float) -> Interval:
    found = intervals.ratio_by_night(spared, np.ones(len(spared)), nights, confidence, _SEED)
    assert found is not None  # a rule holds on two nights or more
    return found
