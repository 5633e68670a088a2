"""A number: answered by the quantile that costs least, which loses and costs by how far off it is, and which way.

The loss is the pinball loss over what the best constant lost on the rows learned from: 1 is always answering the same,
0 is knowing. So the gate's margins need no unit, and a quiet night's loss is not blown up by what is quiet about it.
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
from ml.statistics import intervals, quantiles
from ml.statistics.intervals import Interval, ScoredRows
from ml.targets import calibration
from ml.targets.calibration import Correction, Scaling
from ml.targets.offsets import UnitOffset
from ml.targets.regression_display import RegressionDisplay, cost_and_task
from ml.usecase import Fairness, Gates, PinballCost, UseCase

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Group", "Performance", "Quality", "Target"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """The numbers of one model on one set of rows, errors in the label's unit.

    `skill` is the share of the constant's loss on the same rows that the model spares; None where that has none to lose.
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
        """What candidates are compared by, as people read it."""
        return {
            "relative loss": f"{self.relative_loss:.4f}",
            "mean absolute error": f"{self.mean_absolute_error:.4g}",
            "root mean square error": f"{self.root_mean_square_error:.4g}",
            "bias": f"{self.bias:+.3g}",
        }

    @property
    def descriptors(self) -> dict[str, str]:
        """What parts of the rows are described by, beside their loss."""
        return {
            "mean label": f"{self.mean_label:.4g}",
            "mean absolute error": f"{self.mean_absolute_error:.4g}",
            "bias": f"{self.bias:+.3g}",
        }

    def leak_limit(self, gates: Gates) -> tuple[str, float | None, float, int]:
        """Return what is too good to be true: its name, its number, the most it may be, over how many nights."""
        return "skill", self.skill, gates.leak_skill, gates.leak_skill_nights


@dataclass(frozen=True, kw_only=True, slots=True)
class Performance:
    """The matured rows of some nights, measured."""

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
    """A number under its costs, with what the labels learned from say of it.

    `prior` is the constant that cost least, `scale` the pinball loss that it had, `low` and `high` the labels' range.
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
        """What a package tells of its target; JSON values."""
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
        """The quantile of the label that is asked for."""
        return self.cost.quantile

    @property
    def calibration_reference(self) -> float:
        """The share of labels below answers that are right."""
        return self.quantile

    @property
    def offsets(self) -> UnitOffset:
        return UnitOffset(quantile=self.quantile)

    @property
    def score_distance(self) -> RegressionDistance:
        """How two models' answers to the same rows are compared."""
        return RegressionDistance(cost=self.cost, scale=self.scale)

    @staticmethod
    def restore_quality(fields: Mapping[str, Any]) -> Quality:
        """Return the quality that was recorded."""
        return Quality(**fields)

    def check_learnable(self, labels: Floats, nights: Strings) -> None:
        """Raise RefusalError when all rows have the same label."""
        if len(np.unique(labels)) < 2:
            raise RefusalError(
                f"expected labels that differ in {nights.min()}..{nights.max()} to learn from, got only {labels[0]:g}: "
                "wait for labels, or land more history"
            )

    def row_loss(self, labels: Floats, scores: Floats) -> Floats:
        return quantile_metrics.row_pinball(labels, scores, self.quantile) / self.scale

    def row_cost(self, labels: Floats, scores: Floats) -> Floats:
        return quantile_metrics.row_cost(labels, scores, self.cost)

    def row_calibration(self, labels: Floats, scores: Floats) -> Floats:
        """Return what is averaged over rows of like answers, to be held against the quantile asked for."""
        return quantile_metrics.row_coverage(labels, scores)

    def ideal_calibration(self, scores: tuple[float, float]) -> tuple[float, float]:
        """Return what share of labels should lie below answers like these."""
        return self.quantile, self.quantile

    def saved_per_1000(self, labels: Floats, scores: Floats) -> float:
        return quantile_metrics.saved_per_1000(labels, scores, self.cost, self.prior)

    def uncorrected_scores(self, raw: Floats) -> Floats:
        """Return what raw answers say without a correction."""
        return self._uncorrected.apply(raw)

    @property
    def _uncorrected(self) -> Scaling:
        return Scaling(low=self.low, high=self.high)

    def fit_calibration(self, raw: Floats, labels: Floats, nights: Strings, latest: Booleans) -> Correction:
        """Return a scale and a shift where they have earned their place, else none."""
        return calibration.fit_if_better(
            raw, labels, nights, latest, identity=self._uncorrected, fit=self._fit_correction, row_loss=self.row_loss
        )

    def _fit_correction(self, raw: Floats, labels: Floats) -> Scaling:
        slopes, offset = quantiles.regress(raw[:, None], labels, self.quantile, penalty=0.0)
        return Scaling(slope=float(slopes[0]), offset=offset, low=self.low, high=self.high)

    def measure(self, labels: Floats, scores: Floats, nights: Strings) -> Quality:
        """Return every metric of `scores` (shape (n,)) against `labels` (shape (n,)), both in the same unit; n >= 1."""
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
        """Return how issued answers did, over so many nights."""
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
        """Return nothing: one quantile does not say how far from it the label will lie."""
        return {}

    def calibration_by_night(
        self, labels: Floats, scores: Floats, nights: Strings, confidence: float, seed: int
    ) -> Interval | None:
        """Return the share of labels below the answer: above the quantile asked for, too much is expected."""
        below = quantile_metrics.row_coverage(labels, scores)
        return intervals.clip_to_share(intervals.ratio_by_night(below, np.ones(len(below)), nights, confidence, seed))

    def floor_checks(self, labels: Floats, scores: Floats, gates: Gates) -> tuple[Check, ...]:
        """Return the check of what any model must reach."""
        return (checks.at_least("skill", self._skill(labels, scores), gates.min_skill),)

    def single_feature_skill(self, column: "pd.Series", labels: Floats, night: Integers) -> float | None:
        """Return the skill of a single feature; None where that cannot be told."""
        return univariate.univariate_skill(column, labels, night, self.quantile)

    def max_single_feature_skill(self, gates: Gates) -> float:
        """Return the most that a single feature may reach: no more than a whole model."""
        return gates.leak_skill

    def expected_and_observed(self, labels: Floats, scores: Floats) -> tuple[float, float]:
        """Return the share of labels that should lie below the answer, and the one that does."""
        return self.quantile, float(quantile_metrics.row_coverage(labels, scores).mean())

    def measure_groups(
        self, rows: ScoredRows, levels: Mapping[str, Strings], among: Booleans, declared: Fairness, confidence: float
    ) -> tuple[Group, ...]:
        return fairness_regression.measure(
            rows, levels, among, declared, self.row_loss(rows.labels, rows.scores), confidence
        )

    @staticmethod
    def group_checks(groups: tuple[Any, ...], declared: Fairness) -> tuple[Check, ...]:
        return fairness_regression.checks(groups, declared)

    def gains(self, rows: ScoredRows) -> GainsCurve | None:
        """Return none: nobody acts above a threshold."""
        return None

    @staticmethod
    def is_label(value: float) -> bool:
        return math.isfinite(value)

    @staticmethod
    def is_valid_score(score: float) -> bool:
        """Return whether this is a number that may be answered to anything."""
        return math.isfinite(score)
