"""Refit equivalence: four checks that a refit, also fitted on the judged rows, agrees with the judged model.

Scores are compared on rows that neither model was fitted on: those without labels yet. The judged rows do not serve for
that, because the refit was fitted on their labels. Only the loss, which needs labels, is compared on the judged rows. A
refit that is worse there although it was fitted on them is broken; a refit that is better there proves nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ml.arrays import Booleans, Floats
from ml.governance.checks import Check, CheckStatus
from ml.targets import Target
from ml.usecase import Refit

_MIN_PAIRS, _DISTANCE_FACTOR, _FLIPPED_FACTOR, _RANK_FACTOR, _SMALLEST = 4, 3.0, 4.0, 5.0, 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class RefitComparison:
    """The comparison of a refit with the judged model.

    `judged` and `refit` are digests of packages; `refit` is "" in the card of the refit's own package.
    """

    judged: str
    refit: str
    checks: tuple[Check, ...]

    @property
    def is_equivalent(self) -> bool:
        """Return whether every check passed, so that the refit may be released in place of the judged model."""
        return all(each.status is CheckStatus.PASS for each in self.checks)


@dataclass(frozen=True, kw_only=True, slots=True)
class ScorePair:
    """The scores of the same rows by the judged model and by the refit, each of shape (n,)."""

    judged: Floats
    refit: Floats

    @property
    def is_complete(self) -> bool:
        """Return whether there are rows, and each has a finite score from both models.

        >>> ScorePair(judged=np.array([0.2, 0.4]), refit=np.array([0.2, np.nan])).is_complete
        False
        """
        return len(self.judged) > 0 and bool(np.isfinite(self.judged + self.refit).all())


def bars_from_history(earlier: Sequence[Sequence[Check]], declared: Refit) -> Refit:
    """Return the bars for the next refit: as declared, or from the use case's own earlier refits once there are four.

    `earlier` has the checks of each earlier refit. Twin models that differ only in the latest nights differ by how
    much these nights teach, which depends on the use case. A refit is suspect if it differs from its judged model by
    much more than earlier ones did: three times their median distance, four times their median share of changed
    decisions, five times the median of what their rank correlation lacks to 1. These factors are above the largest of
    46 honest pairs of a year of flights.
    """
    pairs = [tuple(check.value for check in checks[:3]) for checks in earlier]
    measured = np.array([pair for pair in pairs if len(pair) == 3 and None not in pair], np.float64)
    if len(measured) < _MIN_PAIRS:
        return declared
    distance, flipped, rank = np.median(measured, axis=0)
    return replace(
        declared,
        max_score_difference=float(np.clip(_DISTANCE_FACTOR * distance, _SMALLEST, 1 - _SMALLEST)),
        max_answer_difference=max(_DISTANCE_FACTOR * float(distance), _SMALLEST),
        max_flipped_share=float(np.clip(_FLIPPED_FACTOR * flipped, _SMALLEST, 1 - _SMALLEST)),
        min_rank_correlation=max(1 - _RANK_FACTOR * (1 - float(rank)), _SMALLEST),
    )


def refit_checks(
    unlabelled_scores: ScorePair, judged_scores: ScorePair, labels: Floats, target: Target, bars: Refit
) -> tuple[Check, ...]:
    """Return the checks of a refit: score distance, changed decisions and rank correlation, and the rise of the loss.

    The first three use `unlabelled_scores`; the last uses `judged_scores` with their `labels`, shape (n,). A check
    without a number fails.
    """
    score_distance, words = target.score_distance, target.display_names
    loss_increase = float(target.row_loss(labels, judged_scores.refit).mean()) - float(
        target.row_loss(labels, judged_scores.judged).mean()
    )
    return (
        _max_check(
            words.score_distance,
            _mean_row_statistic(score_distance.distance, unlabelled_scores),
            score_distance.max_distance(bars),
        ),
        _max_check(
            "share of decisions that change",
            _mean_row_statistic(score_distance.decision_changes, unlabelled_scores),
            bars.max_flipped_share,
        ),
        _min_check("rank correlation of scores", _rank_correlation(unlabelled_scores), bars.min_rank_correlation),
        _max_check(f"rise of {words.loss} on the judged rows", loss_increase, bars.max_loss_rise),
    )


def _mean_row_statistic(row_statistic: Callable[[Floats, Floats], Floats | Booleans], scores: ScorePair) -> float:
    return float(row_statistic(scores.refit, scores.judged).mean()) if scores.is_complete else np.nan


def _rank_correlation(scores: ScorePair) -> float:
    """Return Spearman's rho with mean ranks for ties; 1 if both score all rows alike, 0 if only one does."""
    if not scores.is_complete:
        return np.nan
    varies = [bool(np.ptp(each)) for each in (scores.judged, scores.refit)]
    if not all(varies):
        return float(not any(varies))
    judged_ranks, refit_ranks = (pd.Series(each).rank() for each in (scores.judged, scores.refit))
    return float(np.corrcoef(judged_ranks, refit_ranks)[0, 1])


def _max_check(name: str, value: float, maximum: float) -> Check:
    return Check(
        name=name,
        value=_finite_or_none(value),
        bar=f"at most {maximum:g}",
        status=CheckStatus.from_bool(value <= maximum),
    )


def _min_check(name: str, value: float, minimum: float) -> Check:
    return Check(
        name=name,
        value=_finite_or_none(value),
        bar=f"at least {minimum:g}",
        status=CheckStatus.from_bool(value >= minimum),
    )


def _finite_or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
