"""Whether a model that learned from the judged rows too is still the model that was judged: four numbers, each with a bar.

Scores are compared on rows that neither has learned from, those that still wait for their labels: on the judged rows a
refit repeats what it was told, and differs by that. The loss needs labels, so it is the judged rows'; a refit that has
learned from them and still does worse there is broken, and one that does better has shown nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import Booleans, Floats
from ml.governance.checks import Check, CheckStatus
from ml.targets import Target
from ml.usecase import Refit


@dataclass(frozen=True, kw_only=True, slots=True)
class RefitComparison:
    """How a refit compares with the model `judged`; both are digests of packages, `refit` "" where it tells of itself."""

    judged: str
    refit: str
    checks: tuple[Check, ...]

    @property
    def is_equivalent(self) -> bool:
        """Return whether every check passed, so that the refit may stand for the judged model."""
        return all(each.status is CheckStatus.PASS for each in self.checks)


@dataclass(frozen=True, kw_only=True, slots=True)
class ScorePair:
    """The scores of the same rows by the model that was judged and by the refit, each (n,)."""

    judged: Floats
    refit: Floats

    @property
    def is_complete(self) -> bool:
        """Return whether there are rows, and none lacks a score."""
        return len(self.judged) > 0 and bool(np.isfinite(self.judged + self.refit).all())


def refit_checks(
    unlabelled_scores: ScorePair, judged_scores: ScorePair, labels: Floats, target: Target, bars: Refit
) -> tuple[Check, ...]:
    """Return the checks of a refit on rows `ahead` and on those `seen`, the judged ones, with their `labels`.

    A missing number fails.
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
    """Return Spearman's rho, ties sharing their mean rank; 1 where neither tells any row from another."""
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
