"""A yes or no: answered by a probability, which loses its negative log likelihood and is acted on above a threshold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ml.arrays import Booleans, Floats, Integers, Strings
from ml.errors import RefusalError
from ml.governance import checks
from ml.governance.checks import Check
from ml.metrics import curves, estimation, fairness, probability, univariate
from ml.metrics.curves import GainsCurve
from ml.metrics.estimation import Estimate
from ml.metrics.fairness import Group
from ml.metrics.score_distance import ProbabilityDistance
from ml.statistics import intervals, logistic
from ml.statistics.intervals import Interval, ScoredRows
from ml.targets import calibration
from ml.targets.binary_display import BinaryDisplay
from ml.targets.calibration import Calibration, Correction
from ml.targets.offsets import LogOddsOffset
from ml.usecase import Cost, Fairness, Gates, UseCase

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Group", "Performance", "Quality", "Target"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """The numbers of one model on one set of rows; None where a metric needs both classes and has one."""

    rows: int
    nights: int
    base_rate: float
    auc: float | None
    average_precision: float | None
    log_loss: float
    brier: float
    calibration_error: float
    calibration_gap: float
    saved_per_1000: float

    @property
    def loss(self) -> float:
        return self.log_loss

    @property
    def headline(self) -> dict[str, str]:
        """What candidates are compared by, as people read it."""
        return {"log loss": f"{self.log_loss:.4f}", "ROC AUC": "none" if self.auc is None else f"{self.auc:.4f}"}

    @property
    def descriptors(self) -> dict[str, str]:
        """What parts of the rows are described by, beside their loss."""
        return {"base rate": f"{self.base_rate:.3f}", "ROC AUC": "none" if self.auc is None else f"{self.auc:.3f}"}

    def leak_limit(self, gates: Gates) -> tuple[str, float | None, float, int]:
        """Return what is too good to be true: its name, its number, the most it may be, over how many nights."""
        return "ROC AUC", self.auc, gates.leak_auc, gates.leak_auc_nights


@dataclass(frozen=True, kw_only=True, slots=True)
class Performance:
    """The matured rows of some nights, measured."""

    nights: int
    rows: int
    log_loss: float
    auc: float | None
    brier: float
    calibration_gap: float
    alert_rate: float
    cost: float
    saved_per_1000: float

    @property
    def loss(self) -> float:
        return self.log_loss


@dataclass(frozen=True, kw_only=True, slots=True)
class Target(BinaryDisplay):
    """A yes or no under its costs; `prior` is the base rate of the labels learned from."""

    cost: Cost
    prior: float

    quantile: ClassVar[None] = None
    calibration_reference: ClassVar[float] = 1.0
    offsets: ClassVar[LogOddsOffset] = LogOddsOffset()

    @classmethod
    def from_labels(cls, use_case: UseCase, labels: Floats) -> "Target":
        assert isinstance(use_case.cost, Cost)
        return cls(cost=use_case.cost, prior=float(labels.mean()))

    @classmethod
    def from_facts(cls, use_case: UseCase, facts: Mapping[str, object]) -> "Target":
        assert isinstance(use_case.cost, Cost)
        task: Any = facts.get("task", {})  # packages of before it was written down have none
        return cls(cost=use_case.cost, prior=float(task.get("prior", np.nan)))

    @property
    def facts(self) -> dict[str, object]:
        """What a package tells of its target; JSON values."""
        return {"kind": "binary", "prior": self.prior}

    @property
    def score_distance(self) -> ProbabilityDistance:
        """How two models' scores of the same rows are compared."""
        return ProbabilityDistance(cost=self.cost)

    @staticmethod
    def restore_quality(fields: Mapping[str, Any]) -> Quality:
        """Return the quality that was recorded."""
        return Quality(**fields)

    def check_learnable(self, labels: Floats, nights: Strings) -> None:
        """Raise RefusalError when all rows have the same label."""
        if len(np.unique(labels)) < 2:
            raise RefusalError(
                f"expected labels of both kinds in {nights.min()}..{nights.max()} to learn from, got only {labels[0]:g}: "
                "wait for labels, or land more history"
            )

    def row_loss(self, labels: Floats, scores: Floats) -> Floats:
        return probability.row_log_loss(labels, scores)

    def row_cost(self, labels: Floats, scores: Floats) -> Floats:
        return probability.row_cost(labels, scores, self.cost)

    def row_calibration(self, labels: Floats, scores: Floats) -> Floats:
        """Return what is averaged over rows of like answers, to be held against these: the labels."""
        return labels

    def ideal_calibration(self, scores: tuple[float, float]) -> tuple[float, float]:
        """Return what should come where scores are these."""
        return scores

    def saved_per_1000(self, labels: Floats, scores: Floats) -> float:
        return probability.saved_per_1000(labels, scores, self.cost)

    def uncorrected_scores(self, raw: Floats) -> Floats:
        """Return what raw answers say without a correction."""
        return logistic.probability(raw)

    def fit_calibration(self, raw: Floats, labels: Floats, nights: Strings, latest: Booleans) -> Correction:
        """Return Platt's correction where it has earned its place, else none."""
        plain = Calibration()
        return calibration.fit_if_better(
            raw, labels, nights, latest, identity=plain, fit=calibration.fit, row_loss=probability.row_log_loss
        )

    def measure(self, labels: Floats, scores: Floats, nights: Strings) -> Quality:
        """Return every metric of `scores` (probabilities, shape (n,)) against `labels` (0 or 1, shape (n,)); n >= 1."""
        return Quality(
            rows=len(labels),
            nights=len(np.unique(nights)),
            base_rate=float(labels.mean()),
            auc=probability.auc(labels, scores),
            average_precision=probability.average_precision(labels, scores),
            log_loss=probability.log_loss(labels, scores),
            brier=probability.brier(labels, scores),
            calibration_error=probability.expected_calibration_error(labels, scores),
            calibration_gap=probability.calibration_gap(labels, scores),
            saved_per_1000=probability.saved_per_1000(labels, scores, self.cost),
        )

    def measure_performance(self, labels: Floats, scores: Floats, nights: int) -> Performance:
        """Return how issued scores did, over so many nights."""
        return Performance(
            nights=nights,
            rows=len(labels),
            log_loss=probability.log_loss(labels, scores),
            auc=probability.auc(labels, scores),
            brier=probability.brier(labels, scores),
            calibration_gap=probability.calibration_gap(labels, scores),
            alert_rate=float((scores > self.cost.threshold).mean()),
            cost=float(probability.row_cost(labels, scores, self.cost).sum()),
            saved_per_1000=probability.saved_per_1000(labels, scores, self.cost),
        )

    def estimate_performance(self, scores: Floats) -> Mapping[str, Estimate]:
        """Return what these scores are expected to come to, before any label is there."""
        return estimation.estimate_performance(scores, self.cost)

    def calibration_by_night(
        self, labels: Floats, scores: Floats, nights: Strings, confidence: float, seed: int
    ) -> Interval | None:
        """Return mean score over mean label: below 1 too little is expected."""
        return intervals.ratio_by_night(scores, labels, nights, confidence, seed)

    def floor_checks(self, labels: Floats, scores: Floats, gates: Gates) -> tuple[Check, ...]:
        """Return the checks of what any model must reach."""
        return (
            checks.at_most("log loss", probability.log_loss(labels, scores), gates.max_log_loss),
            checks.at_least("ROC AUC", probability.auc(labels, scores), gates.min_auc),
        )

    def single_feature_skill(self, column: "pd.Series", labels: Floats, night: Integers) -> float | None:
        """Return how well a single feature ranks the label, either way up; None where that cannot be told."""
        return univariate.univariate_auc(column, labels, night)

    def max_single_feature_skill(self, gates: Gates) -> float:
        """Return the most that a single feature may reach: no more than a whole model."""
        return gates.leak_auc

    def expected_and_observed(self, labels: Floats, scores: Floats) -> tuple[float, float]:
        """Return mean score and mean label."""
        return float(scores.mean()), float(labels.mean())

    def measure_groups(
        self, rows: ScoredRows, levels: Mapping[str, Strings], among: Booleans, declared: Fairness, confidence: float
    ) -> tuple[Group, ...]:
        return fairness.measure(rows, levels, among, declared, self.cost, confidence)

    @staticmethod
    def group_checks(groups: tuple[Any, ...], declared: Fairness) -> tuple[Check, ...]:
        return fairness.checks(groups, declared)

    def gains(self, rows: ScoredRows) -> GainsCurve | None:
        """Return what acting on the highest scores brings."""
        return curves.gains_curve(rows, self.cost)

    @staticmethod
    def is_label(value: float) -> bool:
        return value in (0.0, 1.0)

    @staticmethod
    def is_valid_score(score: float) -> bool:
        """Return whether this is a probability that may be answered to anything."""
        return 0 < score < 1
