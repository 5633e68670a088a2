"""Bounds are those that a declaration really refuses."""

from dataclasses import dataclass, fields
from typing import Any

import pytest

from include.cli.docs import bounds, use_case_page
from ml.errors import DeclarationError
from ml.usecase import Canary, Cost, Drift, Fairness, GradientBoosting, NeuralNet, PublicationGate, Triggers
from ml.usecase.declaration import check

NUDGE = {"minimum": -1e-6, "exclusiveMinimum": 0.0, "maximum": 1e-6, "exclusiveMaximum": 0.0}
# What the required fields of a declaration are, so that one other field can be set out of its bounds.
REQUIRED: dict[str, Any] = {"act": 1.0, "miss": 2.0, "averted": 0.5, "group_by": ("sex",)}


@dataclass(frozen=True)
class Pair:
    low: float
    high: float
    names: tuple[str, ...] = ("a",)

    def __post_init__(self) -> None:
        check(0 < self.low < self.high <= 10, f"low lies below high, got {self.low}")
        for each in (self.low, self.high):
            check(each >= 0.5, "large enough")
        check(bool(self.names), "named")


def test_comparisons_with_a_number_are_bounds_and_others_are_rules() -> None:
    read = bounds.read(Pair)
    assert read.by_field == {
        "low": {"exclusiveMinimum": 0, "minimum": 0.5},
        "high": {"maximum": 10, "minimum": 0.5},
        "names": {"notEmpty": True},
    }
    assert read.rules == ("low lies below high",)


def test_a_declaration_without_checks_has_no_bounds() -> None:
    assert bounds.read(int).by_field == {}


def test_bounds_of_each_value_of_a_tuple() -> None:
    assert bounds.read(NeuralNet).by_field["layers"] == {"notEmpty": True, "items": {"exclusiveMinimum": 0}}


@pytest.mark.parametrize(
    "declaration",
    [Canary, Cost, Drift, Fairness, GradientBoosting, PublicationGate, Triggers],
    ids=lambda each: each.__name__,
)
def test_a_value_past_a_bound_is_refused(declaration: Any) -> None:
    required = {each.name: REQUIRED[each.name] for each in fields(declaration) if each.name in REQUIRED}
    tried = 0
    for field, keywords in bounds.read(declaration).by_field.items():
        for keyword, value in keywords.items():
            if keyword in NUDGE:
                tried += 1
                with pytest.raises(DeclarationError):
                    declaration(**{**required, field: value + NUDGE[keyword]})
    assert tried > 0


def test_every_declaration_can_be_read() -> None:
    read = {each.__name__: bounds.read(each) for each in use_case_page.classes()}
    assert sum(len(each.by_field) for each in read.values()) > 70
    assert not any("{" in rule for each in read.values() for rule in each.rules)
