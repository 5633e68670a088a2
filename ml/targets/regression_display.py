"""Names and sentences with which a regression target is described to people."""

from typing import Any, ClassVar

from ml.metrics import fairness_regression
from ml.targets.display_names import REGRESSION, DisplayNames
from ml.usecase import Fairness, PinballCost, Regression, UseCase


class RegressionDisplay:
    """The display methods of a regression target."""

    __slots__ = ()
    cost: PinballCost
    unit: str
    low: float
    high: float

    display_names: ClassVar[DisplayNames] = REGRESSION

    @property
    def score_unit(self) -> str:
        """The unit of scores."""
        return self.unit

    @staticmethod
    def describe_task(use_case: UseCase) -> list[str]:
        """Return sentences that describe the predicted number, in addition to the question."""
        cost, task = cost_and_task(use_case)
        return [
            "",
            f"The prediction is the {cost.quantile:.0%} quantile of the label, in {task.unit}. It has the lowest "
            f"cost if a unit too low costs {cost.under:g} and a unit too high costs {cost.over:g}.",
        ]

    def describe_deterministic_level(self, value: float, inside: float, outside: float, rows: int) -> str:
        """Return a sentence with the share of rows whose label is `value`, inside and outside a level."""
        return f"{inside:.1%} of {rows} rows have the label {value:g}, elsewhere {outside:.1%}"

    @staticmethod
    def group_remarks(groups: tuple[Any, ...], declared: Fairness) -> list[str]:  # noqa: ARG004 - see the protocol
        return []

    @staticmethod
    def describe_group_limits(declared: Fairness) -> str:
        return fairness_regression.describe_bars(declared)

    def explain_decision(self, slope: float, offset: float, score: float) -> list[str]:
        """Return sentences that explain how calibration turns a raw prediction into a score, and what errors cost."""
        return [
            f"Calibrated: {slope:.4f} x raw prediction {offset:+.4f}, clipped to {self.low:g} to {self.high:g}: "
            f"{score:.4f} {self.unit}.",
            f"A unit ({self.unit}) too low costs {self.cost.under:g}, a unit too high {self.cost.over:g}: the "
            f"prediction is the {self.cost.quantile:.0%} quantile.",
        ]

    @staticmethod
    def describe_valid_scores() -> str:
        return "a number"


def cost_and_task(use_case: UseCase) -> tuple[PinballCost, Regression]:
    """Return the cost and the task of a use case with a regression target."""
    assert isinstance(use_case.cost, PinballCost)
    assert isinstance(use_case.task, Regression)
    return use_case.cost, use_case.task
