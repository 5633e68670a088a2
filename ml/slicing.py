"""Weak slices, found and confirmed: rules of one or two conditions where a model's scores are wrong beside the rest.

A rule is sought on some nights and confirmed on later ones, so that what was looked at need not be paid for there, only
what was shortlisted. A slice is weak where the scores are off on average, not where it is hard: on labels that are hard
to tell, calibrated scores lose as much as they say that they will, and no other scores would lose less.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special
from threadpoolctl import threadpool_limits

from ml import conditions, metrics
from ml.arrays import Booleans, Floats, Integers
from ml.conditions import Condition
from ml.evaluation import Answered, Interval

_LEAST_ROWS, _LARGEST_SHARE = 100, 0.5
_SHORTLIST, _CONSIDERED = 5, 200
_ROWS, _CHUNK, _STEPS, _FURTHEST = 50_000, 10_000, 4, 3.0
_SMALLEST = 1e-9


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


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """A rule of the shortlist, the rows that it was found on, and what moves its log-odds to what came."""

    rule: tuple[Condition, ...]
    mask: Booleans
    correction: float


def search(earlier: Answered, later: Answered, confidence: float, seed: int) -> Search:
    """Return the rules that lose most on `earlier`, held against `later`, whose nights must be others.

    Searched are all single conditions (quintiles of numbers, the 20 commonest levels of categories, missing values) and
    all pairs of two features' conditions that hold on at least 100 rows and at most half; of more than 50,000 rows, a
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
    shortlist = _shortlist([found for found in best if _large(found.rule, later.frame)], earlier)
    each = 1 - 2 * (1 - confidence) / max(len(shortlist), 1)
    return Search(
        rules=rules,
        rows=len(earlier.labels),
        shortlist=tuple(sorted(_held(shortlist, later, each), key=lambda weakness: -weakness.excess.low)),
    )


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
    centred = _centred(rows)
    scores = _probability(centred)
    residuals, weights = rows.labels - scores, scores * (1 - scores)
    held = np.array([each.holds(rows.frame) for each in looked_at])
    count, residual, weight = _sums(held, residuals, weights)
    large = (count >= _LEAST_ROWS) & (count <= _LARGEST_SHARE * len(residuals)) & conditions.rules(looked_at)
    statistic = np.where(large, residual**2 / np.maximum(weight, _SMALLEST), -1.0)
    best = np.argsort(-statistic, axis=None, kind="stable")[: min(_CONSIDERED, int(large.sum()))]
    found = []
    for one, other in np.column_stack(np.unravel_index(best, statistic.shape)):
        rule = (looked_at[one],) if one == other else (looked_at[one], looked_at[other])
        correction = np.clip(residual[one, other] / weight[one, other], -_FURTHEST, _FURTHEST)
        found.append(_Found(rule=rule, mask=held[one] & held[other], correction=float(correction)))
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


def _centred(rows: Answered) -> Floats:
    """Return log-odds after each night's were moved by one constant to what came in that night (Newton's steps)."""
    kept = np.clip(rows.scores, _SMALLEST, 1 - _SMALLEST)
    place = pd.factorize(rows.nights)[0]
    moved: Floats = np.log(kept / (1 - kept))
    for _ in range(_STEPS):
        scores = _probability(moved)
        residual = np.bincount(place, rows.labels - scores)
        weight = np.bincount(place, scores * (1 - scores)) + _SMALLEST
        moved = moved + np.clip(residual / weight, -1, 1)[place]
    return moved


def _probability(log_odds: Floats) -> Floats:
    return 1 / (1 + np.exp(-log_odds))


def _large(rule: Sequence[Condition], frame: pd.DataFrame) -> bool:
    return bool(conditions.mask(rule, frame).sum() >= _LEAST_ROWS)


def _shortlist(ranked: Sequence[_Found], rows: Answered) -> list[_Found]:
    """Return the best rules, each the best one left after the rows of those before it were corrected.

    So a part of a weak slice is not told beside the whole, unless it is weak beyond it.
    """
    masks = np.array([each.mask for each in ranked], dtype=np.float32)
    log_odds, kept = _centred(rows), list[_Found]()
    while len(kept) < min(_SHORTLIST, len(ranked)):
        scores = _probability(log_odds)
        with threadpool_limits(1):
            residual, weight = (
                (masks @ each.astype(np.float32)).astype(np.float64)
                for each in (rows.labels - scores, scores * (1 - scores))
            )
        statistic = residual**2 / np.maximum(weight, _SMALLEST)
        statistic[[ranked.index(each) for each in kept]] = -1.0
        best = ranked[int(np.argmax(statistic))]
        kept.append(best)
        log_odds = log_odds + best.correction * best.mask
    return kept


def _held(shortlist: Sequence[_Found], later: Answered, confidence: float) -> Iterator[Weakness]:
    """Yield what each rule's correction spares on the later rows."""
    centred = _centred(later)
    for each in shortlist:
        mask = conditions.mask(each.rule, later.frame)
        labels, log_odds = later.labels[mask], centred[mask]
        spared = metrics.row_log_loss(labels, _probability(log_odds)) - metrics.row_log_loss(
            labels, _probability(log_odds + each.correction)
        )
        yield Weakness(
            rule=" and ".join(map(str, each.rule)),
            rows=int(mask.sum()),
            expected=float(_probability(log_odds).mean()),
            seen=float(labels.mean()),
            excess=_student(spared, pd.factorize(later.nights[mask])[0].astype(np.int64), confidence),
        )


def _student(values: Floats, night: Integers, confidence: float) -> Interval:
    """Return the mean with Student's interval over nights: resamples of few nights do not reach so far out.

    The variance is that between the nights' sums (Liang & Zeger 1986), k / (k - 1) wider, with k - 1 degrees of freedom.
    """
    count = int(night.max()) + 1
    mean = float(values.mean())
    if count < 2:
        return Interval(value=mean, low=-np.inf, high=np.inf)
    sums = np.bincount(night, values - mean)
    error = np.sqrt((sums**2).sum() * count / (count - 1)) / len(values)
    reach = float(special.stdtrit(count - 1, (1 + confidence) / 2) * error)
    return Interval(value=mean, low=mean - reach, high=mean + reach)
