"""Regression targets: the score is the quantile of the label that costs least.

The loss is the relative loss: the pinball loss, divided by the pinball loss of the best constant on the training rows.
It is 1 for that constant and 0 for a perfect prediction. Therefore the gate's margins need no unit. The divisor is not
computed from the rows at hand, because a night with little variation would then have an inflated loss.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.arrays import Booleans, Floats, Integers, Strings
from ml.errors import RefusalError
from ml.governance import checks
from ml.governance.checks import Check
from ml.metrics import fairness_regression, univariate
from ml.metrics import quantile as quantile_metrics
from ml.metrics.curves import GainsCurve
from ml.metrics.estimation import Estimate
from ml.metrics.fairness_regression import Group
from ml.metrics.score_distance import RegressionDistance
from ml.scoring.calibration import Correction, Scaling
from ml.statistics import intervals, quantiles
from ml.statistics.intervals import Interval, ScoredRows
from ml.targets import calibration
from ml.targets.offsets import UnitOffset
from ml.targets.regression_display import RegressionDisplay, cost_and_task
from ml.usecase import Fairness, Gates, PinballCost, UseCase

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Group", "Performance", "Quality", "Target"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """The metrics of one model on one set of rows; errors are in the label's unit.

    `skill` is the share of the constant's loss on the same rows that the model saves; None if that loss is 0.
    """

    rows: int
    nights: int
    mean_label: float
    relative_loss: float
    skill: float | None
    pinball: float
    mean_absolute_error: float
    root_mean_square_error: float
    bias: float
    calibration_gap: float
    saved_per_1000: float

    @property
    def loss(self) -> float:
        return self.relative_loss

    @property
    def headline(self) -> dict[str, str]:
        """The metrics by which candidates are compared, as text."""
        return {
            "relative loss": f"{self.relative_loss:.4f}",
            "mean absolute error": f"{self.mean_absolute_error:.4g}",
            "root mean square error": f"{self.root_mean_square_error:.4g}",
            "bias": f"{self.bias:+.3g}",
        }

    @property
    def descriptors(self) -> dict[str, str]:
        """The metrics that describe a slice besides its loss, as text."""
        return {
            "mean label": f"{self.mean_label:.4g}",
            "mean absolute error": f"{self.mean_absolute_error:.4g}",
            "bias": f"{self.bias:+.3g}",
        }

    def leak_limit(self, gates: Gates) -> tuple[str, float | None, float, int]:
        """Return the metric of the leak alarm: its name, value, maximum, and the fewest nights to which it applies."""
        return "skill", self.skill, gates.leak_skill, gates.leak_skill_nights


@dataclass(frozen=True, kw_only=True, slots=True)
class Performance:
    """The metrics of published scores on the labelled rows of some nights."""

    nights: int
    rows: int
    relative_loss: float
    pinball: float
    mean_absolute_error: float
    root_mean_square_error: float
    bias: float
    calibration_gap: float
    cost: float
    saved_per_1000: float

    @property
    def loss(self) -> float:
        return self.relative_loss


@dataclass(frozen=True, kw_only=True, slots=True)
class Target(RegressionDisplay):
    """A regression target with its costs and with constants from the training labels.

    `prior` is the constant that costs least, `scale` its pinball loss, and `low` to `high` is the range of the labels.
    """

    cost: PinballCost
    unit: str
    prior: float
    scale: float
    low: float
    high: float

    @classmethod
    def from_labels(cls, use_case: UseCase, labels: Floats) -> "Target":
        cost, task = cost_and_task(use_case)
        prior = quantiles.weighted_quantile(labels, cost.quantile)
        return cls(
            cost=cost,
            unit=task.unit,
            prior=prior,
            scale=quantile_metrics.pinball(labels, np.full(len(labels), prior), cost.quantile) or 1.0,
            low=float(labels.min()),
            high=float(labels.max()),
        )

    @classmethod
    def from_facts(cls, use_case: UseCase, facts: Mapping[str, object]) -> "Target":
        cost, task = cost_and_task(use_case)
        task_facts: Any = facts["task"]
        numbers = {name: float(task_facts[name]) for name in ("prior", "scale", "low", "high")}
        return cls(cost=cost, unit=task.unit, **numbers)

    @property
    def facts(self) -> dict[str, object]:
        """The facts of the target that a package stores; JSON values."""
        return {
            "kind": "regression",
            "unit": self.unit,
            "quantile": self.quantile,
            "prior": self.prior,
            "scale": self.scale,
            "low": self.low,
            "high": self.high,
        }

    @property
    def quantile(self) -> float:
        """The quantile of the label that is predicted."""
        return self.cost.quantile

    @property
    def calibration_reference(self) -> float:
        """The share of labels below the prediction if the model is calibrated."""
        return self.quantile

    @property
    def offsets(self) -> UnitOffset:
        return UnitOffset(quantile=self.quantile)

    @property
    def score_distance(self) -> RegressionDistance:
        """The distance between two models' predictions of the same rows."""
        return RegressionDistance(cost=self.cost, scale=self.scale)

    @staticmethod
    def restore_quality(fields: Mapping[str, Any]) -> Quality:
        """Return the quality with the recorded `fields`."""
        return Quality(**fields)

    def check_learnable(self, labels: Floats, nights: Strings) -> None:
        """Raise RefusalError if all rows have the same label."""
        if len(np.unique(labels)) < 2:
            raise RefusalError(
                f"expected labels that differ in {nights.min()}..{nights.max()} to learn from, got only {labels[0]:g}: "
                "wait for labels, or ingest more history"
            )

    def row_loss(self, labels: Floats, scores: Floats) -> Floats:
        return quantile_metrics.row_pinball(labels, scores, self.quantile) / self.scale

    def row_cost(self, labels: Floats, scores: Floats) -> Floats:
        return quantile_metrics.row_cost(labels, scores, self.cost)

    def row_calibration(self, labels: Floats, scores: Floats) -> Floats:
        """Return the coverage of each row, whose mean over similar rows is compared with the target quantile."""
        return quantile_metrics.row_coverage(labels, scores)

    def ideal_calibration(self, scores: tuple[float, float]) -> tuple[float, float]:
        """Return the target quantile twice: it is the expected share of labels below any prediction."""
        return self.quantile, self.quantile

    def saved_per_1000(self, labels: Floats, scores: Floats) -> float:
        return quantile_metrics.saved_per_1000(labels, scores, self.cost, self.prior)

    def uncorrected_scores(self, raw: Floats) -> Floats:
        """Return raw predictions without calibration, clipped to the range of the training labels."""
        return self._uncorrected.apply(raw)

    @property
    def _uncorrected(self) -> Scaling:
        return Scaling(low=self.low, high=self.high)

    def fit_calibration(self, raw: Floats, labels: Floats, nights: Strings, is_latest: Booleans) -> Correction:
        """Return a linear calibration if it improves the latest nights, else the identity."""
        return calibration.fit_if_better(
            raw, labels, nights, is_latest, identity=self._uncorrected, fit=self._fit_correction, row_loss=self.row_loss
        )

    def _fit_correction(self, raw: Floats, labels: Floats) -> Scaling:
        slopes, offset = quantiles.regress(raw[:, None], labels, self.quantile, penalty=0.0)
        return Scaling(slope=float(slopes[0]), offset=offset, low=self.low, high=self.high)

    def measure(self, labels: Floats, scores: Floats, nights: Strings) -> Quality:
        """Return the metrics of `scores` against `labels`, in the label's unit, each of shape (n,) with n >= 1."""
        return Quality(
            rows=len(labels),
            nights=len(np.unique(nights)),
            mean_label=float(labels.mean()),
            relative_loss=float(self.row_loss(labels, scores).mean()),
            skill=self._skill(labels, scores),
            pinball=quantile_metrics.pinball(labels, scores, self.quantile),
            mean_absolute_error=quantile_metrics.mean_absolute_error(labels, scores),
            root_mean_square_error=quantile_metrics.root_mean_square_error(labels, scores),
            bias=quantile_metrics.bias(labels, scores),
            calibration_gap=quantile_metrics.calibration_gap(labels, scores, self.quantile),
            saved_per_1000=self.saved_per_1000(labels, scores),
        )

    def _skill(self, labels: Floats, scores: Floats) -> float | None:
        return univariate.relative_skill(labels, scores, self.prior, self.quantile)

    def measure_performance(self, labels: Floats, scores: Floats, nights: int) -> Performance:
        """Return the metrics of published scores on the labels of the given number of nights."""
        return Performance(
            nights=nights,
            rows=len(labels),
            relative_loss=float(self.row_loss(labels, scores).mean()),
            pinball=quantile_metrics.pinball(labels, scores, self.quantile),
            mean_absolute_error=quantile_metrics.mean_absolute_error(labels, scores),
            root_mean_square_error=quantile_metrics.root_mean_square_error(labels, scores),
            bias=quantile_metrics.bias(labels, scores),
            calibration_gap=quantile_metrics.calibration_gap(labels, scores, self.quantile),
            cost=float(self.row_cost(labels, scores).sum()),
            saved_per_1000=self.saved_per_1000(labels, scores),
        )

    def estimate_performance(self, scores: Floats) -> Mapping[str, Estimate]:
        """Return no metrics: a single quantile does not determine the distribution of the label."""
        return {}

    def calibration_by_night(
        self, labels: Floats, scores: Floats, nights: Strings, confidence: float, seed: int
    ) -> Interval | None:
        """Return the share of labels below the prediction, with its interval; ideally it is `quantile`."""
        below = quantile_metrics.row_coverage(labels, scores)
        return intervals.clip_to_share(intervals.ratio_by_night(below, np.ones(len(below)), nights, confidence, seed))

    def floor_checks(self, labels: Floats, scores: Floats, gates: Gates) -> tuple[Check, ...]:
        """Return the checks of the floors, which every model must meet."""
        return (checks.at_least("skill", self._skill(labels, scores), gates.min_skill, "gates.min_skill"),)

    def single_feature_skill(self, column: "pd.Series", labels: Floats, night_index: Integers) -> float | None:
        """Return the skill of a single feature; None if it cannot be computed."""
        return univariate.univariate_skill(column, labels, night_index, self.quantile)

    def max_single_feature_skill(self, gates: Gates) -> float:
        """Return the largest skill that a single feature may have: that of the leak alarm for a whole model."""
        return gates.leak_skill

    def expected_and_observed(self, labels: Floats, scores: Floats) -> tuple[float, float]:
        """Return the expected and the observed share of labels below the prediction."""
        return self.quantile, float(quantile_metrics.row_coverage(labels, scores).mean())

    def measure_groups(
        self, rows: ScoredRows, levels: Mapping[str, Strings], included: Booleans, declared: Fairness, confidence: float
    ) -> tuple[Group, ...]:
        return fairness_regression.measure(
            rows, levels, included, declared, self.row_loss(rows.labels, rows.scores), confidence
        )

    @staticmethod
    def group_checks(groups: tuple[Any, ...], declared: Fairness) -> tuple[Check, ...]:
        return fairness_regression.checks(groups, declared)

    def gains(self, rows: ScoredRows) -> GainsCurve | None:
        """Return None: there is no threshold above which one acts."""
        return None

    @staticmethod
    def is_label(value: float) -> bool:
        return math.isfinite(value)

    @staticmethod
    def is_valid_score(score: float) -> bool:
        """Return whether `score` is finite."""
        return math.isfinite(score)
