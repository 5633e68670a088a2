"""Selection: a shown difference in cost decides, else one in loss, else the smaller package; the order does not matter."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.arrays import Floats
from ml.errors import RefusalError
from ml.targets import Target, binary, regression
from ml.targets.binary import Quality
from ml.training import selection
from ml.training.candidate_comparison import Criterion, OutOfFoldRows
from ml.training.selection import CandidateResult, Choice
from ml.usecase import Cost, Megabytes, Milliseconds, PinballCost

LATENCY, SIZE = Milliseconds(p99=10), Megabytes(package=5, memory=300)
NIGHTS, A_NIGHT = 8, 20
NIGHT_OF_ROW = np.repeat([f"2013-02-{day:02d}" for day in range(1, NIGHTS + 1)], A_NIGHT).astype(object)
LABELS = np.tile([0.0, 1.0], NIGHTS * A_NIGHT // 2)
BINARY = binary.Target(cost=Cost(act=10, miss=50, averted=0.5), prior=0.5)
MINUTES = regression.Target(
    cost=PinballCost(under=3, over=1), unit="minutes", prior=10.0, scale=4.0, low=0.0, high=40.0
)

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


def contender(name: str, milliseconds: float = 1.0, package: float = 1.0, memory: float = 200.0) -> CandidateResult:
    return CandidateResult(
        name=name, quality=QUALITY, p99_latency_ms=milliseconds, package_mb=package, memory_mb=memory
    )


def choose(
    contenders: list[CandidateResult],
    scores: dict[str, Floats] | None = None,
    target: Target = BINARY,
    labels: Floats = LABELS,
    latency: Milliseconds | None = LATENCY,
) -> Choice:
    given_scores = scores or {each.name: np.full(len(labels), 0.5) for each in contenders}
    rows = OutOfFoldRows(labels=labels, nights=NIGHT_OF_ROW, scores=given_scores)
    return selection.choose(contenders, rows, target, confidence=0.95, latency=latency, size=SIZE)


def scores(right: float, wrong_nights: int = 0) -> Floats:
    """Return scores that give each label the probability `right`, and 1 - `right` on the first `wrong_nights` nights."""
    confidence = np.where(np.arange(len(LABELS)) < wrong_nights * A_NIGHT, 1 - right, right)
    return np.where(LABELS == 1, confidence, 1 - confidence)


# The threshold of this cost is .4: a score of .3 and one of .1 for a negative lead to the same decision and cost.
SHARP, BLUNT, UNCLEAR, NOISY = scores(0.9), scores(0.7), scores(0.7, 1), scores(0.9, 2)


@pytest.mark.parametrize(
    ("candidates", "chosen", "criterion", "why"),
    [
        pytest.param({"a": (scores(0.45), 1), "b": (SHARP, 4)}, "b", Criterion.COST, "a is shown to cost more per 1000 rows than b: +", id="cost, though larger"),
        pytest.param({"a": (BLUNT, 1), "b": (SHARP, 4)}, "b", Criterion.LOSS, "a is shown to have a higher log loss than b: +0.2513 [", id="loss, though larger"),
        pytest.param({"a": (SHARP, 4), "b": (NOISY, 1)}, "b", Criterion.SIMPLICITY, "a has a larger package, 4 MB against 1 MB (not shown to differ: cost -", id="nothing shown: the smaller package"),
        pytest.param({"a": (NOISY, 1), "b": (SHARP, 1)}, "a", Criterion.SIMPLICITY, "b has a package of the same size and is declared later", id="same size: the first declared"),
        pytest.param({"a": (NOISY, 1.04), "b": (NOISY, 1.0)}, "a", Criterion.SIMPLICITY, "b has a package of the same size", id="sizes that differ in the third digit"),
        pytest.param({"a": (scores(0.45), 1), "b": (BLUNT, 2), "c": (SHARP, 4)}, "c", Criterion.LOSS, "b is shown to have a higher log loss than c", id="cost leaves two, loss one"),
        pytest.param({"a": (scores(0.45), 1), "b": (NOISY, 2), "c": (SHARP, 4)}, "b", Criterion.SIMPLICITY, "a is shown to cost more per 1000 rows than c", id="cost leaves two, simplicity decides"),
        pytest.param({"a": (BLUNT, 1), "b": (SHARP, 9)}, "a", Criterion.BUDGET, "b needs a package of 9.00 MB of the 5 MB allowed", id="one is within budget"),
        pytest.param({"a": (BLUNT, 1)}, "a", Criterion.BUDGET, "a is the only candidate, with 1.00 ms, 1.00 MB packed and 200 MB", id="alone"),
    ],
)  # fmt: skip
def test_what_decides_between_candidates_and_why_the_others_were_not_chosen(
    candidates: dict[str, tuple[Floats, float]], chosen: str, criterion: Criterion, why: str
) -> None:
    contenders = [contender(name, package=size) for name, (_, size) in candidates.items()]
    choice = choose(contenders, {name: each for name, (each, _) in candidates.items()})
    assert (choice.name, choice.criterion) == (chosen, criterion)
    assert why in choice.reason


def test_a_larger_mean_saving_that_is_not_shown_does_not_decide() -> None:
    costly_night = scores(0.9, 1)  # costs less on average than NOISY, which is wrong on two nights of eight
    choice = choose([contender("saves", package=2), contender("small")], {"saves": costly_night, "small": NOISY})
    assert choice.comparisons[0].cost.value < 0
    assert (choice.name, choice.criterion) == ("small", Criterion.SIMPLICITY)


@pytest.mark.parametrize(
    ("contenders", "why"),
    [
        ([contender("a", 11.0), contender("b")], "a needs 11.00 ms of the 10 ms allowed"),
        ([contender("a", package=7), contender("b")], "a needs a package of 7.00 MB of the 5 MB allowed"),
        (
            [contender("a", 12.0, memory=400), contender("b")],
            "a needs 12.00 ms of the 10 ms and 400 MB of memory of the 300 MB allowed",
        ),
    ],
    ids=["too slow", "too large", "too slow and too large"],
)
def test_a_candidate_beyond_its_budgets_is_not_chosen(contenders: list[CandidateResult], why: str) -> None:
    choice = choose(contenders)
    assert choice.name == "b"
    assert why in choice.reason


def test_none_within_the_budget_is_a_refusal_that_tells_each_latency() -> None:
    with pytest.raises(RefusalError, match=r"of at most 10 ms.* got a 11.00 ms, .*; b 12.50 ms, .*: make one smaller"):
        choose([contender("a", 11.0), contender("b", 12.5)])


def test_without_a_latency_budget_no_candidate_is_too_slow() -> None:
    assert choose([contender("a", 1e6), contender("b", package=2)], latency=None).name == "a"
    with pytest.raises(RefusalError, match="expected a candidate with a package of at most 5 MB and"):
        choose([contender("a", 1e6, memory=400)], latency=None)


@pytest.mark.parametrize("number", ["milliseconds", "package", "memory"])
def test_a_number_that_was_not_measured_is_not_within_its_budget(number: str) -> None:
    with pytest.raises(RefusalError, match="got a .*nan M?m?[sB]"):
        choose([contender("a", **{number: float("nan")})])


def random_scores(seed: int, count: int, target: Target = BINARY) -> dict[str, Floats]:
    """Return scores of `count` candidates that differ by random amounts, some of them on all nights alike."""
    chance = np.random.default_rng(seed)
    skills = chance.uniform(0.5, 0.95, count)
    noise = chance.uniform(0, 0.4)
    result = {}
    for index, skill in enumerate(skills):
        nightly = np.repeat(np.clip(skill + chance.normal(0, noise, NIGHTS), 0.05, 0.95), A_NIGHT)
        result["abcde"[index]] = np.where(LABELS == 1, nightly, 1 - nightly)
    return result if target is BINARY else {name: 40 * each for name, each in result.items()}


EACH_TARGET = pytest.mark.parametrize(
    ("target", "scale"), [(BINARY, 1.0), (MINUTES, 40.0)], ids=["binary", "regression"]
)


@EACH_TARGET
@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 4))
def test_the_order_of_the_candidates_does_not_matter_if_their_sizes_differ(
    target: Target, scale: float, seed: int, count: int
) -> None:
    by_name = random_scores(seed, count, target)
    contenders = [contender(name, package=1 + index) for index, name in enumerate(by_name)]
    choices = [choose(list(each), by_name, target, LABELS * scale) for each in permutations(contenders)]
    assert len({(each.name, each.criterion) for each in choices}) == 1


@EACH_TARGET
@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 5))
def test_no_candidate_is_chosen_that_another_within_budget_is_shown_to_undercut(
    target: Target, scale: float, seed: int, count: int
) -> None:
    by_name = random_scores(seed, count, target)
    choice = choose([contender(name) for name in by_name], by_name, target, LABELS * scale)
    assert choice.name not in {each.shown_worse(Criterion.COST) for each in choice.comparisons}
    if choice.criterion is Criterion.SIMPLICITY and len(by_name) == 2:
        assert choice.name not in {each.shown_worse(Criterion.LOSS) for each in choice.comparisons}


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), power=st.integers(-8, 8))
def test_the_currency_of_the_costs_does_not_matter(seed: int, power: int) -> None:
    by_name, factor = random_scores(seed, 3), 2.0**power
    in_another = binary.Target(cost=Cost(act=10 * factor, miss=50 * factor, averted=0.5), prior=0.5)
    contenders = [contender(name, package=3 - index) for index, name in enumerate(by_name)]
    one, other = (choose(contenders, by_name, target) for target in (BINARY, in_another))
    assert (one.name, one.criterion) == (other.name, other.criterion)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_a_candidate_beyond_its_budget_changes_nothing_among_the_others(seed: int) -> None:
    by_name = random_scores(seed, 4)
    contenders = [contender(name, package=1 + index) for index, name in enumerate(by_name)]
    without = choose(contenders[:3], {each.name: by_name[each.name] for each in contenders[:3]})
    too_slow = choose([*contenders[:3], replace(contenders[3], p99_latency_ms=11.0)], by_name)
    assert (without.name, without.criterion, without.comparisons) == (
        too_slow.name,
        too_slow.criterion,
        too_slow.comparisons,
    )
