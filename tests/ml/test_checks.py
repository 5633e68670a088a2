import math

import pytest

from ml import checks
from ml.checks import Answer


@pytest.mark.parametrize(
    ("value", "answer"),
    [(0.6, Answer.PASS), (0.5, Answer.PASS), (0.4, Answer.FAIL), (math.nan, Answer.FAIL), (None, Answer.FAIL)],
    ids=["above", "at", "below", "no number", "missing"],
)
def test_what_must_be_reached_fails_below_and_without_a_number(value: float | None, answer: Answer) -> None:
    assert checks.at_least("skill", value, 0.5).answer is answer


@pytest.mark.parametrize(("value", "answer"), [(0.6, Answer.FAIL), (0.5, Answer.PASS), (math.nan, Answer.FAIL)])
def test_what_may_not_be_passed_fails_above_and_without_a_number(value: float, answer: Answer) -> None:
    check = checks.at_most("log loss", value, 0.5)
    assert (check.answer, check.bar) == (answer, "at most 0.5")
