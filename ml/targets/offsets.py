"""Answers moved by constants: how far off some rows are, and what constant would mend them, where answers are moved."""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from ml.arrays import Floats, Integers, Singles
from ml.statistics import quantiles
from ml.statistics.logistic import probability

_NEWTON_STEPS, _MAX_OFFSET, _EPSILON = 4, 3.0, 1e-9


@dataclass(frozen=True, slots=True)
class LogOddsOffset:
    """Probabilities are moved in log-odds, by Newton's steps."""

    def to_raw(self, scores: Floats) -> Floats:
        """Return what is moved."""
        clipped = np.clip(scores, _EPSILON, 1 - _EPSILON)
        log_odds: Floats = np.log(clipped / (1 - clipped))
        return log_odds

    def to_scores(self, raw: Floats) -> Floats:
        """Return the scores that what was moved stands for."""
        return probability(raw)

    def residuals(self, raw: Floats, labels: Floats) -> tuple[Floats, Floats]:
        """Return how far each row lies above its score, and the variance of that where scores are right."""
        scores = probability(raw)
        return labels - scores, scores * (1 - scores)

    def center_groups(self, raw: Floats, labels: Floats, group: Integers) -> Floats:
        """Return log-odds after those of each place were moved by one constant to what came there."""
        for _ in range(_NEWTON_STEPS):
            residuals, weights = self.residuals(raw, labels)
            weight = np.bincount(group, weights) + _EPSILON
            raw = raw + np.clip(np.bincount(group, residuals) / weight, -1, 1)[group]
        return raw

    def fit_offsets(self, masks: Singles, raw: Floats, labels: Floats) -> tuple[Floats, Floats]:
        """Return the constant that the rows of each mask need (one Newton step), and its score (Rao's)."""
        residual, weight = _sum_by_mask(masks, *self.residuals(raw, labels))
        return np.clip(residual / weight, -_MAX_OFFSET, _MAX_OFFSET), residual**2 / weight


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitOffset:
    """Numbers are moved in their own unit, by the `quantile` of what is left."""

    quantile: float

    def to_raw(self, scores: Floats) -> Floats:
        """Return what is moved."""
        return scores

    def to_scores(self, raw: Floats) -> Floats:
        """Return the answers that what was moved stands for."""
        return raw

    def residuals(self, raw: Floats, labels: Floats) -> tuple[Floats, Floats]:
        """Return the slope of each row's pinball loss, and the variance of that where answers are right."""
        below = np.where(labels < raw, 1.0, np.where(labels == raw, self.quantile, 0.0))
        return self.quantile - below, np.full(len(raw), self.quantile * (1 - self.quantile))

    def center_groups(self, raw: Floats, labels: Floats, group: Integers) -> Floats:
        """Return answers after those of each place were moved by one constant to what came there."""
        differences = labels - raw
        offsets: Floats = np.array(
            [
                quantiles.weighted_quantile(differences[group == each], self.quantile)
                for each in range(int(group.max()) + 1)
            ]
        )
        centred: Floats = raw + offsets[group]
        return centred

    def fit_offsets(self, masks: Singles, raw: Floats, labels: Floats) -> tuple[Floats, Floats]:
        """Return the constant that the rows of each mask need, the quantile of what is left there, and its score (Rao's)."""
        residual, weight = _sum_by_mask(masks, *self.residuals(raw, labels))
        differences = labels - raw
        order = np.argsort(differences, kind="stable")
        cumulative = np.cumsum(masks[:, order], axis=1, dtype=np.float64)
        indices = (cumulative < self.quantile * cumulative[:, -1:]).sum(axis=1)
        offsets: Floats = differences[order][np.minimum(indices, len(differences) - 1)]
        return offsets, residual**2 / weight


Offset = LogOddsOffset | UnitOffset


def _sum_by_mask(masks: Singles, residuals: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the sums under each mask."""
    with threadpool_limits(1):
        residual, weight = ((masks @ each.astype(np.float32)).astype(np.float64) for each in (residuals, weights))
    return residual, np.maximum(weight, _EPSILON)
