"""The interface of targets: `Target` for computations, `TargetDisplay` for names and sentences.

`ml.targets.binary` and `ml.targets.regression` implement it.
"""

from collections.abc import Mapping
from dataclasses import Field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ml.arrays import Booleans, Floats, Integers, Strings
from ml.governance.checks import Check
from ml.metrics.curves import GainsCurve
from ml.metrics.estimation import Estimate
from ml.metrics.score_distance import ProbabilityDistance, RegressionDistance
from ml.scoring.calibration import Correction
from ml.statistics.intervals import Interval, ScoredRows
from ml.targets.display_names import DisplayNames
from ml.targets.offsets import LogOddsOffset, UnitOffset
from ml.usecase import Fairness, Gates, UseCase

if TYPE_CHECKING:
    import pandas as pd


class TargetDisplay(Protocol):
    """Names, units and sentences with which a target is described to people."""

    @property
    def display_names(self) -> DisplayNames: ...

    @property
    def score_unit(self) -> str:
        """The unit of scores."""

    @staticmethod
    def describe_task(use_case: UseCase) -> list[str]:
        """Return sentences that describe the task, in addition to the question."""

    def describe_deterministic_level(self, value: float, inside: float, outside: float, rows: int) -> str:
        """Return a sentence with the share of rows whose label is `value`, inside and outside a level."""

    @staticmethod
    def group_remarks(groups: tuple[Any, ...], declared: Fairness) -> list[str]:
        """Return remarks about the groups, as lines of Markdown."""

    @staticmethod
    def describe_group_limits(declared: Fairness) -> str:
        """Return a sentence that says which groups are gated, and by which bounds."""

    def explain_decision(self, slope: float, offset: float, score: float) -> list[str]:
        """Return sentences that explain how calibration and costs lead from a raw score to a decision."""

    @staticmethod
    def describe_valid_scores() -> str:
        """Return a phrase that describes valid scores."""


class Quality(Protocol):
    """The metrics of one model on one set of rows."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def rows(self) -> int: ...

    @property
    def nights(self) -> int: ...

    @property
    def loss(self) -> float: ...

    @property
    def calibration_gap(self) -> float: ...

    @property
    def saved_per_1000(self) -> float: ...

    @property
    def headline(self) -> dict[str, str]:
        """The metrics by which candidates are compared, as text."""

    @property
    def descriptors(self) -> dict[str, str]:
        """The metrics that describe a slice besides its loss, as text."""

    def leak_limit(self, gates: Gates) -> tuple[str, float | None, float, int]:
        """Return the metric of the leak alarm: its name, value, maximum, and the fewest nights to which it applies."""


class Performance(Protocol):
    """The metrics of published scores on the labelled rows of some nights."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def nights(self) -> int: ...

    @property
    def rows(self) -> int: ...

    @property
    def loss(self) -> float: ...

    @property
    def calibration_gap(self) -> float: ...

    @property
    def cost(self) -> float: ...

    @property
    def saved_per_1000(self) -> float: ...


class Target(TargetDisplay, Protocol):
    """A target with its costs and constants from the training labels. Labels and scores have the shape (n,), n >= 1."""

    @property
    def prior(self) -> float:
        """The prediction of the best constant."""

    @property
    def quantile(self) -> float | None:
        """The quantile of the label that is predicted; None for a binary target."""

    @property
    def calibration_reference(self) -> float:
        """The value of `calibration_by_night` for calibrated scores."""

    @property
    def facts(self) -> dict[str, object]:
        """The facts of the target that a package stores; JSON values."""

    @property
    def offsets(self) -> LogOddsOffset | UnitOffset:
        """Corrections of scores by a constant."""

    @property
    def score_distance(self) -> ProbabilityDistance | RegressionDistance:
        """The distance between two models' scores of the same rows."""

    @staticmethod
    def restore_quality(fields: Mapping[str, Any]) -> Quality:
        """Return the quality with the recorded `fields`."""

    def check_learnable(self, labels: Floats, nights: Strings) -> None:
        """Raise RefusalError if all rows have the same label."""

    def row_loss(self, labels: Floats, scores: Floats) -> Floats:
        """Return each row's loss."""

    def row_cost(self, labels: Floats, scores: Floats) -> Floats:
        """Return the cost of each row's decision."""

    def row_calibration(self, labels: Floats, scores: Floats) -> Floats:
        """Return each row's observed value; means over similar scores are compared with `ideal_calibration`."""

    def ideal_calibration(self, scores: tuple[float, float]) -> tuple[float, float]:
        """Return the mean of `row_calibration` that calibrated scores have, at the two given scores."""

    def saved_per_1000(self, labels: Floats, scores: Floats) -> float:
        """Return the savings per 1000 rows of decisions by `scores`, compared with decisions without a model."""

    def uncorrected_scores(self, raw: Floats) -> Floats:
        """Return the scores of raw model outputs without calibration."""

    def fit_calibration(self, raw: Floats, labels: Floats, nights: Strings, is_latest: Booleans) -> Correction:
        """Return a calibration if it improves the latest nights, else the identity."""

    def measure(self, labels: Floats, scores: Floats, nights: Strings) -> Quality:
        """Return the metrics of `scores` against `labels`."""

    def measure_performance(self, labels: Floats, scores: Floats, nights: int) -> Performance:
        """Return the metrics of published scores on the labels of the given number of nights."""

    def estimate_performance(self, scores: Floats) -> Mapping[str, Estimate]:
        """Return the expected metrics of `scores` before their labels arrive, by name; empty if there are none."""

    def calibration_by_night(
        self, labels: Floats, scores: Floats, nights: Strings, confidence: float, seed: int
    ) -> Interval | None:
        """Return the measure of calibration with its interval over nights; see `calibration_reference`."""

    def floor_checks(self, labels: Floats, scores: Floats, gates: Gates) -> tuple[Check, ...]:
        """Return the checks of the floors, which every model must meet."""

    def single_feature_skill(self, column: "pd.Series", labels: Floats, night_index: Integers) -> float | None:
        """Return how well a single feature predicts the label; None if it cannot be computed."""

    def max_single_feature_skill(self, gates: Gates) -> float:
        """Return the largest skill that a single feature may have: that of the leak alarm for a whole model."""

    def expected_and_observed(self, labels: Floats, scores: Floats) -> tuple[float, float]:
        """Return the expected and the observed mean of the rows."""

    def measure_groups(
        self, rows: ScoredRows, levels: Mapping[str, Strings], included: Booleans, declared: Fairness, confidence: float
    ) -> tuple[Any, ...]:
        """Return the metrics of each group of the declared columns."""

    @staticmethod
    def group_checks(groups: tuple[Any, ...], declared: Fairness) -> tuple[Check, ...]:
        """Return the checks of the gated groups."""

    def gains(self, rows: ScoredRows) -> GainsCurve | None:
        """Return recall and savings of acting on the highest scores; None for a target without a threshold."""

    @staticmethod
    def is_label(value: float) -> bool:
        """Return whether `value` is a valid label."""

    @staticmethod
    def is_valid_score(score: float) -> bool:
        """Return whether `score` is valid."""
