from dataclasses import replace

import pytest

from ml import selection
from ml.errors import RefusalError
from ml.selection import Contender
from ml.targets.binary import Quality
from ml.usecase import Milliseconds

QUALITY = Quality(
    rows=100,
    nights=10,
    base_rate=0.3,
    auc=0.7,
    average_precision=0.5,
    log_loss=0.5,
    brier=0.2,
    calibration_error=0.02,
    calibration_gap=0.0,
    saved_per_1000=1000.0,
)


def contender(name: str, saves: float, milliseconds: float = 1.0, log_loss: float = 0.5) -> Contender:
    return Contender(
        name=name, quality=replace(QUALITY, saved_per_1000=saves, log_loss=log_loss), p99_latency_ms=milliseconds
    )


@pytest.mark.parametrize(
    ("contenders", "chosen", "why"),
    [
        ([contender("a", 10), contender("b", 20)], "b", "a saves 10, which is less"),
        ([contender("a", 90, 11.0), contender("b", 20)], "b", "a saves 90, but needs 11.00 ms of the 10 ms allowed"),
        ([contender("a", 20, log_loss=0.6), contender("b", 20)], "b", "a saves 20, the same at a higher log loss"),
        ([contender("b", -5)], "b", "b saves -5 per 1000 rows"),
    ],
    ids=["cheapest", "within the budget", "a tie", "alone"],
)
def test_the_cheapest_that_is_fast_enough_is_chosen_with_its_reason(
    contenders: list[Contender], chosen: str, why: str
) -> None:
    choice = selection.choose(contenders, Milliseconds(p99=10))
    assert choice.name == chosen
    assert why in choice.reason


def test_none_within_the_budget_is_a_refusal_that_tells_each_latency() -> None:
    with pytest.raises(RefusalError, match=r"at most 10 ms, got a 11.00 ms, b 12.50 ms: make one smaller"):
        selection.choose([contender("a", 1, 11.0), contender("b", 2, 12.5)], Milliseconds(p99=10))


def test_a_latency_that_was_not_measured_is_not_within_the_budget() -> None:
    with pytest.raises(RefusalError, match="got a nan ms"):
        selection.choose([contender("a", 1, float("nan"))], Milliseconds(p99=10))


def test_the_order_of_the_candidates_does_not_matter() -> None:
    contenders = [contender("a", 5), contender("b", 7), contender("c", 9, 11.0)]
    assert {selection.choose(each, Milliseconds(p99=10)).name for each in (contenders, contenders[::-1])} == {"b"}
