import math

import pytest

from ml.governance import checks
from ml.governance.checks import CheckStatus


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (0.6, CheckStatus.PASS),
        (0.5, CheckStatus.PASS),
        (0.4, CheckStatus.FAIL),
        (math.nan, CheckStatus.FAIL),
        (None, CheckStatus.FAIL),
    ],
    ids=["above", "at", "below", "no number", "missing"],
)
def test_what_must_be_reached_fails_below_and_without_a_number(value: float | None, answer: CheckStatus) -> None:
    assert checks.at_least("skill", value, 0.5).status is answer


@pytest.mark.parametrize(
    ("value", "answer"), [(0.6, CheckStatus.FAIL), (0.5, CheckStatus.PASS), (math.nan, CheckStatus.FAIL)]
)
def test_what_may_not_be_passed_fails_above_and_without_a_number(value: float, answer: CheckStatus) -> None:
    check = checks.at_most("log loss", value, 0.5)
    assert (check.status, check.bar) == (answer, "at most 0.5")
