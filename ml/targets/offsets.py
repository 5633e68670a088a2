"""Corrections of scores by a constant, for groups of rows: residuals, centring, and the best constant with its test."""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from ml.arrays import Floats, Integers, Singles
from ml.scoring.logistic import probability
from ml.statistics import quantiles

_NEWTON_STEPS, _LINE_STEPS, _MAX_OFFSET, _EPSILON = 4, 50, 3.0, 1e-9


@dataclass(frozen=True, slots=True)
class LogOddsOffset:
    """Constants that are added to the log-odds of probabilities, fitted by Newton steps."""

    def to_raw(self, scores: Floats) -> Floats:
        """Return the log-odds of `scores`."""
        clipped = np.clip(scores, _EPSILON, 1 - _EPSILON)
        log_odds: Floats = np.log(clipped / (1 - clipped))
        return log_odds

    def to_scores(self, raw: Floats) -> Floats:
        """Return the probabilities of the log-odds `raw`."""
        return probability(raw)

    def residuals(self, raw: Floats, labels: Floats) -> tuple[Floats, Floats]:
        """Return each row's label minus its score, and the variance of that difference if the scores are calibrated."""
        scores = probability(raw)
        return labels - scores, scores * (1 - scores)

    def center_groups(self, raw: Floats, labels: Floats, group: Integers) -> Floats:
        """Return `raw` with one constant added per group, so that mean score and mean label of the group agree.

        >>> offset, raw, labels = LogOddsOffset(), np.zeros(8), np.array([1.0, 0, 0, 0, 1, 1, 1, 0])
        >>> offset.to_scores(offset.center_groups(raw, labels, np.repeat([0, 1], 4))).round(4).tolist()
        [0.25, 0.25, 0.25, 0.25, 0.75, 0.75, 0.75, 0.75]
        """
        for _ in range(_NEWTON_STEPS):
            residuals, weights = self.residuals(raw, labels)
            weight = np.bincount(group, weights) + _EPSILON
            raw = raw + np.clip(np.bincount(group, residuals) / weight, -1, 1)[group]
        return raw

    def fit_offsets(self, masks: Singles, raw: Floats, labels: Floats) -> tuple[Floats, Floats]:
        """Return the best constant for the rows of each mask (one Newton step), and Rao's score statistic."""
        residual, weight = _sum_by_mask(masks, *self.residuals(raw, labels))
        return np.clip(residual / weight, -_MAX_OFFSET, _MAX_OFFSET), residual**2 / weight

    def fit_line(self, raw: Floats, labels: Floats, *, weights: Floats, prior_share: float) -> tuple[float, float]:
        """Return slope and offset of the logistic regression of `labels` on `raw`, shrunk towards 1 and 0.

        The prior is the conjugate one (Chen & Ibrahim 2003): `prior_share` of all weight is on rows that agree with
        their scores. All arrays have the shape (n,); `prior_share` lies between 0 and 1.
        """
        expected = probability(raw)
        return _newton_line(raw, (1 - prior_share) * labels + prior_share * expected, weights / weights.sum())


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitOffset:
    """Constants that are added to predicted numbers: the `quantile` of the residuals."""

    quantile: float

    def to_raw(self, scores: Floats) -> Floats:
        """Return `scores` unchanged."""
        return scores

    def to_scores(self, raw: Floats) -> Floats:
        """Return `raw` unchanged."""
        return raw

    def residuals(self, raw: Floats, labels: Floats) -> tuple[Floats, Floats]:
        """Return the negative slope of each row's pinball loss, and its variance if predictions are calibrated."""
        below = np.where(labels < raw, 1.0, np.where(labels == raw, self.quantile, 0.0))
        return self.quantile - below, np.full(len(raw), self.quantile * (1 - self.quantile))

    def center_groups(self, raw: Floats, labels: Floats, group: Integers) -> Floats:
        """Return `raw` with one constant added per group: the quantile of the group's residuals.

        >>> raw, labels = np.full(4, 10.0), np.array([12.0, 12.0, 7.0, 7.0])
        >>> UnitOffset(quantile=0.5).center_groups(raw, labels, np.array([0, 0, 1, 1])).tolist()
        [12.0, 12.0, 7.0, 7.0]
        """
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
        """Return the best constant for the rows of each mask (a quantile of residuals), and Rao's score statistic."""
        residual, weight = _sum_by_mask(masks, *self.residuals(raw, labels))
        differences = labels - raw
        order = np.argsort(differences, kind="stable")
        cumulative = np.cumsum(masks[:, order], axis=1, dtype=np.float64)
        indices = (cumulative < self.quantile * cumulative[:, -1:]).sum(axis=1)
        offsets: Floats = differences[order][np.minimum(indices, len(differences) - 1)]
        return offsets, residual**2 / weight

    def fit_line(self, raw: Floats, labels: Floats, *, weights: Floats, prior_share: float) -> tuple[float, float]:
        """Return slope and offset of the quantile regression of `labels` on `raw`, moved towards 1 and 0.

        They keep `1 - prior_share` of their distance from 1 and 0. All arrays have the shape (n,).
        """
        slopes, offset = quantiles.regress(raw[:, None], labels, self.quantile, penalty=0.0, weights=weights)
        return 1 + (1 - prior_share) * (float(slopes[0]) - 1), (1 - prior_share) * offset


Offset = LogOddsOffset | UnitOffset


def _newton_line(raw: Floats, targets: Floats, weights: Floats) -> tuple[float, float]:
    """Return slope and offset of the weighted logistic regression of `targets`, by Newton's method with small steps."""
    design, coefficients = np.column_stack([raw, np.ones_like(raw)]), np.array([1.0, 0.0])
    for _ in range(_LINE_STEPS):
        expected = probability(design @ coefficients)
        gradient = design.T @ (weights * (expected - targets))
        curvature = (design * (weights * expected * (1 - expected))[:, None]).T @ design + _EPSILON * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        coefficients = coefficients - step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < _EPSILON:
            break
    return float(coefficients[0]), float(coefficients[1])


def _sum_by_mask(masks: Singles, residuals: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the sums of residuals and weights over the rows of each mask, each of shape (masks,)."""
    with threadpool_limits(1):
        residual, weight = ((masks @ each.astype(np.float32)).astype(np.float64) for each in (residuals, weights))
    return residual, np.maximum(weight, _EPSILON)
