"""What a number that is asked for is called and how it is described to people."""

from typing import Any, ClassVar

from ml.metrics import fairness_regression
from ml.targets.display_names import REGRESSION, DisplayNames
from ml.usecase import Fairness, PinballCost, Regression, UseCase


class RegressionDisplay:
    """The sentences about a target with a quantile for an answer, under its costs and within its labels' range."""

    __slots__ = ()
    cost: PinballCost
    unit: str
    low: float
    high: float

    display_names: ClassVar[DisplayNames] = REGRESSION

    @property
    def score_unit(self) -> str:
        """What answers count."""
        return self.unit

    @staticmethod
    def describe_task(use_case: UseCase) -> list[str]:
        """Return in words what is asked for, beside the question."""
        cost, task = cost_and_task(use_case)
        return [
            "",
            f"Answered in {task.unit}, by the number that {cost.quantile:.0%} of labels do not exceed: it costs least where a "
            f"unit too little costs {cost.under:g}, and one too much {cost.over:g}.",
        ]

    def describe_deterministic_level(self, value: float, inside: float, outside: float, rows: int) -> str:
        """Return in words how often a label is `value` where a level holds, and elsewhere."""
        return f"{inside:.1%} of {rows} rows have the label {value:g}, elsewhere {outside:.1%}"

    @staticmethod
    def group_remarks(groups: tuple[Any, ...], declared: Fairness) -> list[str]:  # noqa: ARG004 - as the protocol has it
        return []

    @staticmethod
    def describe_group_limits(declared: Fairness) -> str:
        return fairness_regression.describe_bars(declared)

    def explain_decision(self, slope: float, offset: float, score: float) -> list[str]:
        """Return in words what calibration and costs make of a raw answer."""
        return [
            f"Calibrated: {slope:.4f} x answer {offset:+.4f}, kept within {self.low:g} and {self.high:g}: {score:.4f} "
            f"{self.unit}.",
            f"A unit ({self.unit}) too little costs {self.cost.under:g}, one too much {self.cost.over:g}: asked for is what "
            f"{self.cost.quantile:.0%} of labels do not exceed.",
        ]

    @staticmethod
    def describe_valid_scores() -> str:
        return "a number"


def cost_and_task(use_case: UseCase) -> tuple[PinballCost, Regression]:
    """Return both as a use case declares them that asks for a number."""
    assert isinstance(use_case.cost, PinballCost)
    assert isinstance(use_case.task, Regression)
    return use_case.cost, use_case.task
