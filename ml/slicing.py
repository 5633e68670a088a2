"""Weak slices, found and confirmed: rules of one or two conditions where a model's scores are wrong beside the rest.

A rule is sought on some nights and confirmed on later ones, so that what was looked at need not be paid for there, only
what was shortlisted. A slice is weak where the scores are off on average, not where it is hard: on labels that are hard
to tell, calibrated scores lose as much as they say that they will, and no other scores would lose less.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from ml import conditions, evaluation, metrics
from ml.arrays import Booleans, Floats, Singles, Strings
from ml.calibration import probability
from ml.conditions import Condition
from ml.evaluation import Answered, Interval

_LEAST_ROWS, _LARGEST_SHARE = 100, 0.5
_SHORTLIST, _CONSIDERED = 5, 200
_ROWS, _CHUNK, _STEPS, _FURTHEST = 50_000, 10_000, 4, 3.0
_SMALLEST, _SEED = 1e-9, 20130206


@dataclass(frozen=True, kw_only=True, slots=True)
class Weakness:
    """A rule that was shortlisted, and what it came to on the later nights.

    `expected` and `seen` are mean score and mean label, the former after each night's scores were moved to what came that
    night. `excess` is the log loss (nats a row) that the correction learned with the rule spares there.
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


def search(earlier: Answered, later: Answered, confidence: float, seed: int) -> Search:
    """Return the rules that lose most on `earlier`, held against `later`, whose nights must be others.

    Searched are all single conditions (quintiles of numbers, the 20 commonest levels of categories, missing values) and
    all pairs of two features' conditions that hold on at least 100 rows of either, at most half of the earlier ones, and
    on half of the later nights; of more than 50,000 rows, a
    sample. The score of a rule is (sum of residuals)^2 / (sum of p (1 - p)), twice the nats that moving its log-odds by
    one constant would spare (Rao's score test). The best 5, each sought after those before it were mended, are corrected by that
    constant on the later rows: where scores are calibrated any correction loses in expectation, so that what it gains counts against
    the model. Intervals are Student's over nights; all lower bounds of a shortlist hold together at `confidence`
    (Bonferroni).

    Scores are first moved to what came in each night, so that a night's luck is not a slice's fault.
    """
    earlier = _sampled(earlier, seed)
    looked_at = tuple(conditions.every(earlier.frame))
    rules, best = _ranked(earlier, looked_at)
    ranked = [found for found in best if _lasts(conditions.mask(found.rule, later.frame), later.nights)]
    each = 1 - 2 * (1 - confidence) / max(min(_SHORTLIST, len(ranked)), 1)
    return Search(rules=rules, rows=len(earlier.labels), shortlist=tuple(_pursued(ranked, earlier, later, each)))


def _sampled(rows: Answered, seed: int) -> Answered:
    if len(rows.labels) <= _ROWS:
        return rows
    taken = np.sort(np.random.default_rng(seed).choice(len(rows.labels), _ROWS, replace=False))
    return Answered(
        frame=rows.frame.iloc[taken], labels=rows.labels[taken], scores=rows.scores[taken], nights=rows.nights[taken]
    )


def _ranked(rows: Answered, looked_at: Sequence[Condition]) -> tuple[int, list[_Found]]:
    """Return how many rules are large enough, and the best of them, best first."""
    if not looked_at:
        return 0, []
    scores = probability(_centred(_log_odds(rows.scores), rows))
    residuals, weights = rows.labels - scores, scores * (1 - scores)
    held = np.array([each.holds(rows.frame) for each in looked_at])
    count, residual, weight = _sums(held, residuals, weights)
    large = (count >= _LEAST_ROWS) & (count <= _LARGEST_SHARE * len(residuals)) & conditions.rules(looked_at)
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


def _centred(log_odds: Floats, rows: Answered) -> Floats:
    """Return log-odds after each night's were moved by one constant to what came in that night (Newton's steps)."""
    place = pd.factorize(rows.nights)[0]
    for _ in range(_STEPS):
        scores = probability(log_odds)
        residual = np.bincount(place, rows.labels - scores)
        weight = np.bincount(place, scores * (1 - scores)) + _SMALLEST
        log_odds = log_odds + np.clip(residual / weight, -1, 1)[place]
    return log_odds


def _log_odds(scores: Floats) -> Floats:
    kept = np.clip(scores, _SMALLEST, 1 - _SMALLEST)
    log_odds: Floats = np.log(kept / (1 - kept))
    return log_odds


def _lasts(mask: Booleans, nights: Strings) -> bool:
    """Return whether a rule holds on rows enough, and on half of the nights: what holds on one is that night's luck."""
    on = len(np.unique(nights[mask]))
    return bool(mask.sum() >= _LEAST_ROWS and on >= max(2, len(np.unique(nights)) / 2))


def _pursued(ranked: Sequence[_Found], earlier: Answered, later: Answered, confidence: float) -> Iterator[Weakness]:
    """Yield the worst rules, each the worst one left after those before it were mended, so that none is told twice.

    On the earlier rows all are mended, on the later ones those alone that are confirmed: until one is, every rule is held
    against the model's own scores.
    """
    masks = np.array([each.mask for each in ranked], dtype=np.float32)
    learned, judged = _log_odds(earlier.scores), _log_odds(later.scores)
    left = np.ones(len(ranked), bool)
    for _ in range(min(_SHORTLIST, len(ranked))):
        learned, judged = _centred(learned, earlier), _centred(judged, later)
        corrections, statistic = _needed(masks, learned, earlier.labels)
        best = int(np.argmax(np.where(left, statistic, -1.0)))
        left[best] = False
        mask = conditions.mask(ranked[best].rule, later.frame)
        weakness = _held(ranked[best].rule, mask, judged, float(corrections[best]), later, confidence)
        learned = learned + corrections[best] * ranked[best].mask
        if weakness.confirmed:
            judged = judged + corrections[best] * mask
        yield weakness


def _needed(masks: Singles, log_odds: Floats, labels: Floats) -> tuple[Floats, Floats]:
    """Return the constant that each rule's log-odds need (one Newton step), and the score of the rule."""
    scores = probability(log_odds)
    with threadpool_limits(1):
        residual, weight = (
            (masks @ each.astype(np.float32)).astype(np.float64) for each in (labels - scores, scores * (1 - scores))
        )
    weight = np.maximum(weight, _SMALLEST)
    return np.clip(residual / weight, -_FURTHEST, _FURTHEST), residual**2 / weight


def _held(
    rule: Sequence[Condition], mask: Booleans, log_odds: Floats, correction: float, later: Answered, confidence: float
) -> Weakness:
    """Return what a correction spares on the later rows."""
    labels, told = later.labels[mask], log_odds[mask]
    spared = metrics.row_log_loss(labels, probability(told)) - metrics.row_log_loss(
        labels, probability(told + correction)
    )
    return Weakness(
        rule=" and ".join(map(str, rule)),
        rows=int(mask.sum()),
        expected=float(probability(told).mean()),
        seen=float(labels.mean()),
        excess=_excess(spared, later.nights[mask], confidence),
    )


def _excess(spared: Floats, nights: Strings, confidence: float) -> Interval:
    found = evaluation.ratio_by_night(spared, np.ones(len(spared)), nights, confidence, _SEED)
    assert found is not None  # a rule holds on two nights or more
    return found
