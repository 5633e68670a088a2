"""Targets of prediction: loss, cost, calibration, metrics and display names of binary labels and of numbers.

All differences between binary classification and regression are in this package. The rest of the code uses `Target`.
"""

from collections.abc import Mapping

from ml.arrays import Floats
from ml.targets import binary, regression
from ml.targets.display_names import DisplayNames
from ml.targets.target import Performance, Quality, Target, TargetDisplay
from ml.usecase import Binary, UseCase

__all__ = [
    "DisplayNames",
    "Group",
    "Performance",
    "Quality",
    "Target",
    "TargetDisplay",
    "from_facts",
    "from_labels",
    "target_type",
]

Group = binary.Group | regression.Group


def target_type(use_case: UseCase) -> type[binary.Target] | type[regression.Target]:
    """Return the class of the use case's target."""
    return binary.Target if isinstance(use_case.task, Binary) else regression.Target


def from_labels(use_case: UseCase, labels: Floats) -> Target:
    """Return the target, with its constants computed from the training labels, shape (n,) with n >= 1."""
    return target_type(use_case).from_labels(use_case, labels)


def from_facts(use_case: UseCase, facts: Mapping[str, object]) -> Target:
    """Return the target, with its constants read from the facts of a package."""
    return target_type(use_case).from_facts(use_case, facts)
