"""What is asked for, and so what an answer is: how it is learned, what it loses and costs, and what it is called.

Everything that differs between a yes or no and a number is here; the rest of the code asks a target.
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
    """Return the kind of the use case's target, before anything was learned."""
    return binary.Target if isinstance(use_case.task, Binary) else regression.Target


def from_labels(use_case: UseCase, labels: Floats) -> Target:
    """Return the target with what the labels learned from, shape (n,), say of it; n >= 1."""
    return target_type(use_case).from_labels(use_case, labels)


def from_facts(use_case: UseCase, facts: Mapping[str, object]) -> Target:
    """Return the target as the facts of a package tell it."""
    return target_type(use_case).from_facts(use_case, facts)
