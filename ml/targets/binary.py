"""Binary targets: scores are probabilities, the loss is log loss, and decisions follow from a threshold."""

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
from ml.scoring import logistic
from ml.scoring.calibration import Calibration, Correction
from ml.statistics import intervals
from ml.statistics.intervals import Interval, ScoredRows
from ml.targets import calibration
from ml.targets.binary_display import BinaryDisplay
from ml.targets.offsets import LogOddsOffset
from ml.usecase import Cost, Fairness, Gates, UseCase

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Group", "Performance", "Quality", "Target"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """The metrics of one model on one set of rows; a metric that needs both classes is None if there is only one."""

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
        """The metrics by which candidates are compared, as text."""
        return {"log loss": f"{self.log_loss:.4f}", "ROC AUC": "none" if self.auc is None else f"{self.auc:.4f}"}

    @property
    def descriptors(self) -> dict[str, str]:
        """The metrics that describe a slice besides its loss, as text."""
        return {"base rate": f"{self.base_rate:.3f}", "ROC AUC": "none" if self.auc is None else f"{self.auc:.3f}"}

    def leak_limit(self, gates: Gates) -> tuple[str, float | None, float, int]:
        """Return the metric of the leak alarm: its name, value, maximum, and the fewest nights to which it applies."""
        return "ROC AUC", self.auc, gates.leak_auc, gates.leak_auc_nights


@dataclass(frozen=True, kw_only=True, slots=True)
class Performance:
    """The metrics of published scores on the labelled rows of some nights."""

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
    """A binary target with its costs; `prior` is the base rate of the training labels."""

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
        task: Any = facts.get("task", {})  # older packages do not have it
        return cls(cost=use_case.cost, prior=float(task.get("prior", np.nan)))

    @property
    def facts(self) -> dict[str, object]:
        """The facts of the target that a package stores; JSON values."""
        return {"kind": "binary", "prior": self.prior}

    @property
    def score_distance(self) -> ProbabilityDistance:
        """The distance between two models' scores of the same rows."""
        return ProbabilityDistance(cost=self.cost)

    @staticmethod
    def restore_quality(fields: Mapping[str, Any]) -> Quality:
        """Return the quality with the recorded `fields`."""
        return Quality(**fields)

    def check_learnable(self, labels: Floats, nights: Strings) -> None:
        """Raise RefusalError if all rows have the same label."""
        if len(np.unique(labels)) < 2:
            raise RefusalError(
                f"expected labels of both classes in {nights.min()}..{nights.max()} to learn from, got only "
                f"{labels[0]:g}: wait for labels, or ingest more history"
            )

    def row_loss(self, labels: Floats, scores: Floats) -> Floats:
        return probability.row_log_loss(labels, scores)

    def row_cost(self, labels: Floats, scores: Floats) -> Floats:
        return probability.row_cost(labels, scores, self.cost)

    def row_calibration(self, labels: Floats, scores: Floats) -> Floats:
        """Return the labels, whose mean is compared with the mean score of similar rows."""
        return labels

    def ideal_calibration(self, scores: tuple[float, float]) -> tuple[float, float]:
        """Return `scores`: calibrated scores equal the share of positives."""
        return scores

    def saved_per_1000(self, labels: Floats, scores: Floats) -> float:
        return probability.saved_per_1000(labels, scores, self.cost)

    def uncorrected_scores(self, raw: Floats) -> Floats:
        """Return the probabilities of raw scores, which are log-odds, without calibration."""
        return logistic.probability(raw)

    def fit_calibration(self, raw: Floats, labels: Floats, nights: Strings, is_latest: Booleans) -> Correction:
        """Return a Platt calibration if it improves the latest nights, else the identity."""
        return calibration.fit_if_better(
            raw,
            labels,
            nights,
            is_latest,
            identity=Calibration(),
            fit=calibration.fit,
            row_loss=probability.row_log_loss,
        )

    def measure(self, labels: Floats, scores: Floats, nights: Strings) -> Quality:
        """Return the metrics of `scores` (probabilities) against `labels` (0 or 1), each of shape (n,) with n >= 1."""
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
        """Return the metrics of published scores on the labels of the given number of nights."""
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
        """Return the expected metrics of `scores` before their labels arrive, by name."""
        return estimation.estimate_performance(scores, self.cost)

    def calibration_by_night(
        self, labels: Floats, scores: Floats, nights: Strings, confidence: float, seed: int
    ) -> Interval | None:
        """Return mean score over mean label with its interval; below 1, the model predicts too few positives."""
        return intervals.ratio_by_night(scores, labels, nights, confidence, seed)

    def floor_checks(self, labels: Floats, scores: Floats, gates: Gates) -> tuple[Check, ...]:
        """Return the checks of the floors, which every model must meet."""
        return (
            checks.at_most("log loss", probability.log_loss(labels, scores), gates.max_log_loss, "gates.max_log_loss"),
            checks.at_least("ROC AUC", probability.auc(labels, scores), gates.min_auc, "gates.min_auc"),
        )

    def single_feature_skill(self, column: "pd.Series", labels: Floats, night_index: Integers) -> float | None:
        """Return the ROC AUC of a single feature, in either direction; None if it cannot be computed."""
        return univariate.univariate_auc(column, labels, night_index)

    def max_single_feature_skill(self, gates: Gates) -> float:
        """Return the largest ROC AUC that a single feature may have: that of the leak alarm for a whole model."""
        return gates.leak_auc

    def expected_and_observed(self, labels: Floats, scores: Floats) -> tuple[float, float]:
        """Return mean score and mean label."""
        return float(scores.mean()), float(labels.mean())

    def measure_groups(
        self, rows: ScoredRows, levels: Mapping[str, Strings], included: Booleans, declared: Fairness, confidence: float
    ) -> tuple[Group, ...]:
        return fairness.measure(rows, levels, included, declared, self.cost, confidence)

    @staticmethod
    def group_checks(groups: tuple[Any, ...], declared: Fairness) -> tuple[Check, ...]:
        return fairness.checks(groups, declared)

    def gains(self, rows: ScoredRows) -> GainsCurve | None:
        """Return recall and savings of acting on the highest scores."""
        return curves.gains_curve(rows, self.cost)

    @staticmethod
    def is_label(value: float) -> bool:
        return value in (0.0, 1.0)

    @staticmethod
    def is_valid_score(score: float) -> bool:
        """Return whether `score` is a valid probability: strictly between 0 and 1."""
        return 0 < score < 1
