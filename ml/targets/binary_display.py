"""Names and sentences with which a binary target is described to people."""

from typing import Any, ClassVar

from ml.metrics import fairness
from ml.targets.display_names import BINARY, DisplayNames
from ml.usecase import Cost, Fairness, UseCase


class BinaryDisplay:
    """The display methods of a binary target."""

    __slots__ = ()
    cost: Cost

    display_names: ClassVar[DisplayNames] = BINARY
    score_unit: ClassVar[str] = "probability"

    @staticmethod
    def describe_task(use_case: UseCase) -> list[str]:  # noqa: ARG004 - see the protocol
        """Return no lines: the question describes a binary task completely."""
        return []

    def describe_deterministic_level(self, value: float, inside: float, outside: float, rows: int) -> str:
        """Return a sentence with the share of rows whose label is `value`, inside and outside a level."""
        rate, others = (inside, outside) if value == 1 else (1 - inside, 1 - outside)
        return f"{rate:.1%} of {rows} rows have the label, elsewhere {others:.1%}"

    @staticmethod
    def group_remarks(groups: tuple[Any, ...], declared: Fairness) -> list[str]:
        return [*fairness.equalised_odds_remarks(groups, declared)]

    @staticmethod
    def describe_group_limits(declared: Fairness) -> str:
        return fairness.describe_bars(declared)

    def explain_decision(self, slope: float, offset: float, score: float) -> list[str]:
        """Return sentences that explain how calibration and costs lead from log-odds to a decision."""
        relation = "above: act" if score > self.cost.threshold else "not above: do not act"
        return [
            f"Calibrated: {slope:.4f} x log-odds {offset:+.4f}, a probability of {score:.4f}.",
            f"Acting pays above {self.cost.threshold:.4f}; this is {relation}.",
        ]

    @staticmethod
    def describe_valid_scores() -> str:
        return "a probability in (0, 1)"
