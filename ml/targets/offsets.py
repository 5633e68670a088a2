"""Answers moved by constants: how far off some rows are, and what constant would mend them, where answers are moved."""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from ml.arrays import Floats, Integers, Singles
from ml.statistics import quantiles
from ml.statistics.logistic import probability

_STEPS, _FURTHEST, _SMALLEST = 4, 3.0, 1e-9


@dataclass(frozen=True, slots=True)
class LogOdds:
    """Probabilities are moved in log-odds, by Newton's steps."""

    def raw(self, scores: Floats) -> Floats:
        """Return what is moved."""
        kept = np.clip(scores, _SMALLEST, 1 - _SMALLEST)
        log_odds: Floats = np.log(kept / (1 - kept))
        return log_odds

    def answers(self, raw: Floats) -> Floats:
        """Return the scores that what was moved stands for."""
        return probability(raw)

    def residuals(self, raw: Floats, labels: Floats) -> tuple[Floats, Floats]:
        """Return how far each row lies above its score, and the variance of that where scores are right."""
        scores = probability(raw)
        return labels - scores, scores * (1 - scores)

    def centred(self, raw: Floats, labels: Floats, place: Integers) -> Floats:
        """Return log-odds after those of each place were moved by one constant to what came there."""
        for _ in range(_STEPS):
            residuals, weights = self.residuals(raw, labels)
            weight = np.bincount(place, weights) + _SMALLEST
            raw = raw + np.clip(np.bincount(place, residuals) / weight, -1, 1)[place]
        return raw

    def needed(self, masks: Singles, raw: Floats, labels: Floats) -> tuple[Floats, Floats]:
        """Return the constant that the rows of each mask need (one Newton step), and its score (Rao's)."""
        residual, weight = _summed(masks, *self.residuals(raw, labels))
        return np.clip(residual / weight, -_FURTHEST, _FURTHEST), residual**2 / weight


@dataclass(frozen=True, kw_only=True, slots=True)
class Units:
    """Numbers are moved in their own unit, by the `quantile` of what is left."""

    quantile: float

    def raw(self, scores: Floats) -> Floats:
        """Return what is moved."""
        return scores

    def answers(self, raw: Floats) -> Floats:
        """Return the answers that what was moved stands for."""
        return raw

    def residuals(self, raw: Floats, labels: Floats) -> tuple[Floats, Floats]:
        """Return the slope of each row's pinball loss, and the variance of that where answers are right."""
        below = np.where(labels < raw, 1.0, np.where(labels == raw, self.quantile, 0.0))
        return self.quantile - below, np.full(len(raw), self.quantile * (1 - self.quantile))

    def centred(self, raw: Floats, labels: Floats, place: Integers) -> Floats:
        """Return answers after those of each place were moved by one constant to what came there."""
        left = labels - raw
        moved: Floats = np.array(
            [quantiles.of(left[place == each], self.quantile) for each in range(int(place.max()) + 1)]
        )
        centred: Floats = raw + moved[place]
        return centred

    def needed(self, masks: Singles, raw: Floats, labels: Floats) -> tuple[Floats, Floats]:
        """Return the constant that the rows of each mask need, the quantile of what is left there, and its score (Rao's)."""
        residual, weight = _summed(masks, *self.residuals(raw, labels))
        left = labels - raw
        order = np.argsort(left, kind="stable")
        reached = np.cumsum(masks[:, order], axis=1, dtype=np.float64)
        places = (reached < self.quantile * reached[:, -1:]).sum(axis=1)
        needed: Floats = left[order][np.minimum(places, len(left) - 1)]
        return needed, residual**2 / weight


Shifts = LogOdds | Units


def _summed(masks: Singles, residuals: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the sums under each mask."""
    with threadpool_limits(1):
        residual, weight = ((masks @ each.astype(np.float32)).astype(np.float64) for each in (residuals, weights))
    return residual, np.maximum(weight, _SMALLEST)
