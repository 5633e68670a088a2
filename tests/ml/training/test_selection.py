from dataclasses import replace

import pytest

from ml.errors import RefusalError
from ml.targets.binary import Quality
from ml.training import selection
from ml.training.selection import CandidateResult
from ml.usecase import Megabytes, Milliseconds

LATENCY, SIZE = Milliseconds(p99=10), Megabytes(package=5, memory=300)

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


def contender(
    name: str,
    saves: float,
    milliseconds: float = 1.0,
    log_loss: float = 0.5,
    package: float = 1.0,
    memory: float = 200.0,
) -> CandidateResult:
    return CandidateResult(
        name=name,
        quality=replace(QUALITY, saved_per_1000=saves, log_loss=log_loss),
        p99_latency_ms=milliseconds,
        package_mb=package,
        memory_mb=memory,
    )


@pytest.mark.parametrize(
    ("contenders", "chosen", "why"),
    [
        ([contender("a", 10), contender("b", 20)], "b", "a saves 10, which is less"),
        ([contender("a", 90, 11.0), contender("b", 20)], "b", "a saves 90, but needs 11.00 ms of the 10 ms allowed"),
        (
            [contender("a", 90, package=7), contender("b", 20)],
            "b",
            "a saves 90, but needs a package of 7.00 MB of the 5 MB allowed",
        ),
        (
            [contender("a", 90, 12.0, memory=400), contender("b", 20)],
            "b",
            "a saves 90, but needs 12.00 ms of the 10 ms and 400 MB of memory of the 300 MB allowed",
        ),
        ([contender("a", 20, log_loss=0.6), contender("b", 20)], "b", "a saves 20, the same at a higher log loss"),
        ([contender("b", -5)], "b", "b saves -5 per 1000 rows with 1.00 ms, 1.00 MB packed and 200 MB of memory"),
    ],
    ids=["cheapest", "too slow", "too large", "too slow and too greedy", "a tie", "alone"],
)
def test_the_cheapest_within_its_budgets_is_chosen_with_its_reason(
    contenders: list[CandidateResult], chosen: str, why: str
) -> None:
    choice = selection.choose(contenders, LATENCY, SIZE)
    assert choice.name == chosen
    assert why in choice.reason


def test_none_within_the_budget_is_a_refusal_that_tells_each_latency() -> None:
    with pytest.raises(RefusalError, match=r"of at most 10 ms.* got a 11.00 ms, .*; b 12.50 ms, .*: make one smaller"):
        selection.choose([contender("a", 1, 11.0), contender("b", 2, 12.5)], LATENCY, SIZE)


def test_without_a_latency_budget_no_candidate_is_too_slow() -> None:
    assert selection.choose([contender("a", 90, 1e6), contender("b", 20)], None, SIZE).name == "a"
    with pytest.raises(RefusalError, match="expected a candidate with a package of at most 5 MB and"):
        selection.choose([contender("a", 90, 1e6, memory=400)], None, SIZE)


@pytest.mark.parametrize("number", ["milliseconds", "package", "memory"])
def test_a_number_that_was_not_measured_is_not_within_its_budget(number: str) -> None:
    with pytest.raises(RefusalError, match="got a .*nan M?m?[sB]"):
        selection.choose([contender("a", 1, **{number: float("nan")})], LATENCY, SIZE)


def test_the_order_of_the_candidates_does_not_matter() -> None:
    contenders = [contender("a", 5), contender("b", 7), contender("c", 9, 11.0)]
    assert {selection.choose(each, LATENCY, SIZE).name for each in (contenders, contenders[::-1])} == {"b"}
