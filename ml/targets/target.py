"""What the rest of the code asks of a target, whether the answer is a probability or a number.

`Target` computes; `TargetDisplay` has the words for people. `binary` and `regression` have the two implementations.
"""

from collections.abc import Mapping
from dataclasses import Field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ml.arrays import Booleans, Floats, Integers, Strings
from ml.governance.checks import Check
from ml.metrics.curves import GainsCurve
from ml.metrics.estimation import Estimate
from ml.metrics.score_distance import ProbabilityDistance, RegressionDistance
from ml.statistics.intervals import Interval, ScoredRows
from ml.targets.calibration import Correction
from ml.targets.display_names import DisplayNames
from ml.targets.offsets import LogOddsOffset, UnitOffset
from ml.usecase import Fairness, Gates, UseCase

if TYPE_CHECKING:
    import pandas as pd


class TargetDisplay(Protocol):
    """How a target is described to people: names, units and sentences."""

    @property
    def display_names(self) -> DisplayNames: ...

    @property
    def score_unit(self) -> str:
        """What answers count."""

    @staticmethod
    def describe_task(use_case: UseCase) -> list[str]:
        """Return in words what is asked for, beside the question."""

    def describe_deterministic_level(self, value: float, inside: float, outside: float, rows: int) -> str:
        """Return in words how often a label is `value` where a level holds, and elsewhere."""

    @staticmethod
    def group_remarks(groups: tuple[Any, ...], declared: Fairness) -> list[str]:
        """Return what is to be said of groups beside their numbers."""

    @staticmethod
    def describe_group_limits(declared: Fairness) -> str:
        """Return in words what groups may not exceed."""

    def explain_decision(self, slope: float, offset: float, score: float) -> list[str]:
        """Return in words what calibration and costs make of a raw answer."""

    @staticmethod
    def describe_valid_scores() -> str:
        """Return in words what may be answered to anything."""


class Quality(Protocol):
    """The numbers of one model on one set of rows."""

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
        """What candidates are compared by, as people read it."""

    @property
    def descriptors(self) -> dict[str, str]:
        """What parts of the rows are described by, beside their loss."""

    def leak_limit(self, gates: Gates) -> tuple[str, float | None, float, int]:
        """Return what is too good to be true: its name, its number, the most it may be, over how many nights."""


class Performance(Protocol):
    """The matured rows of some nights, measured."""

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
    """What is asked for, with what the labels learned from say of it. Labels and scores have the shape (n,), n >= 1."""

    @property
    def prior(self) -> float:
        """What a constant would answer."""

    @property
    def quantile(self) -> float | None:
        """The quantile of the label that is asked for; None where a probability is."""

    @property
    def calibration_reference(self) -> float:
        """What `calibration_by_night` is where scores are right."""

    @property
    def facts(self) -> dict[str, object]:
        """What a package records of its target; JSON values."""

    @property
    def offsets(self) -> LogOddsOffset | UnitOffset:
        """How scores are moved by a constant."""

    @property
    def score_distance(self) -> ProbabilityDistance | RegressionDistance:
        """How two models' scores of the same rows are compared."""

    @staticmethod
    def restore_quality(fields: Mapping[str, Any]) -> Quality:
        """Return the quality that was recorded."""

    def check_learnable(self, labels: Floats, nights: Strings) -> None:
        """Raise RefusalError when all rows have the same label."""

    def row_loss(self, labels: Floats, scores: Floats) -> Floats:
        """Return each row's loss."""

    def row_cost(self, labels: Floats, scores: Floats) -> Floats:
        """Return what each row's decision costs."""

    def row_calibration(self, labels: Floats, scores: Floats) -> Floats:
        """Return what is averaged over rows with similar scores, to be compared with these."""

    def ideal_calibration(self, scores: tuple[float, float]) -> tuple[float, float]:
        """Return what that average should be where scores are these."""

    def saved_per_1000(self, labels: Floats, scores: Floats) -> float:
        """Return what 1000 decisions by these scores save against deciding without a model."""

    def uncorrected_scores(self, raw: Floats) -> Floats:
        """Return the scores that raw answers stand for without a calibration."""

    def fit_calibration(self, raw: Floats, labels: Floats, nights: Strings, latest: Booleans) -> Correction:
        """Return a calibration where it has earned its place, else none."""

    def measure(self, labels: Floats, scores: Floats, nights: Strings) -> Quality:
        """Return every metric."""

    def measure_performance(self, labels: Floats, scores: Floats, nights: int) -> Performance:
        """Return how published scores did, over so many nights."""

    def estimate_performance(self, scores: Floats) -> Mapping[str, Estimate]:
        """Return what these scores are expected to come to, before any label is there."""

    def calibration_by_night(
        self, labels: Floats, scores: Floats, nights: Strings, confidence: float, seed: int
    ) -> Interval | None:
        """Return how calibrated scores are, with its interval over nights."""

    def floor_checks(self, labels: Floats, scores: Floats, gates: Gates) -> tuple[Check, ...]:
        """Return the checks of what any model must reach."""

    def single_feature_skill(self, column: "pd.Series", labels: Floats, night: Integers) -> float | None:
        """Return how well a single feature predicts the label; None where that cannot be told."""

    def max_single_feature_skill(self, gates: Gates) -> float:
        """Return the most that a single feature may reach: no more than a whole model."""

    def expected_and_observed(self, labels: Floats, scores: Floats) -> tuple[float, float]:
        """Return what was expected of the rows, and what was observed."""

    def measure_groups(
        self, rows: ScoredRows, levels: Mapping[str, Strings], among: Booleans, declared: Fairness, confidence: float
    ) -> tuple[Any, ...]:
        """Return the numbers of each group of the declared columns."""

    @staticmethod
    def group_checks(groups: tuple[Any, ...], declared: Fairness) -> tuple[Check, ...]:
        """Return the gates on groups."""

    def gains(self, rows: ScoredRows) -> GainsCurve | None:
        """Return what acting on the highest scores brings; None where nobody acts above a threshold."""

    @staticmethod
    def is_label(value: float) -> bool:
        """Return whether a label may be this."""

    @staticmethod
    def is_valid_score(score: float) -> bool:
        """Return whether this may be answered to anything."""
