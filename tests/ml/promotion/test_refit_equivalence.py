"""A refit stands for the judged model only where four numbers say that it is still the same model."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ml.arrays import Floats
from ml.promotion import refit_equivalence
from ml.promotion.gate import CheckStatus
from ml.promotion.refit_equivalence import RefitComparison, ScorePair
from ml.targets import binary
from ml.usecase import Cost, Refit

CHANCE = np.random.default_rng(3)
SCORES = CHANCE.uniform(0.05, 0.95, 1000)
LABELS = (CHANCE.random(1000) < SCORES).astype(np.float64)
BARS = Refit(max_score_difference=0.03, max_flipped_share=0.05, min_rank_correlation=0.95, max_loss_rise=0.0)
YES_OR_NO = binary.Target(cost=Cost(act=10, miss=50, averted=0.4), prior=0.5)
APART, FLIPPED, RANK, RISE = (
    "mean distance of scores",
    "share of decisions that change",
    "rank correlation of scores",
    "rise of log loss on the judged rows",
)


def failed(ahead: ScorePair, seen: Floats = SCORES, bars: Refit = BARS) -> list[str]:
    """Return the checks that a refit misses with these scores of rows ahead, and of the judged rows."""
    checks = refit_equivalence.refit_checks(ahead, ScorePair(judged=SCORES, refit=seen), LABELS, YES_OR_NO, bars)
    return [check.name for check in checks if check.status is not CheckStatus.PASS]


def beside(refit: Floats, judged: Floats = SCORES) -> ScorePair:
    return ScorePair(judged=judged, refit=refit)


SAME = beside(SCORES)
HIGHER = beside(np.where(SCORES > 0.5, SCORES + 0.04, SCORES + 0.025))
ACTED_ON = beside(np.where((SCORES > 0.44) & (SCORES < 0.5), 0.501, SCORES))
MIXED = beside(0.15 + 0.05 * (0.7 * SCORES + 0.3 * np.roll(SCORES, 1)), 0.15 + 0.05 * SCORES)
TURNED = beside(0.2 - 0.05 * SCORES, 0.15 + 0.05 * SCORES)
WISER, WORSE = (SCORES + by * (LABELS - SCORES) for by in (0.5, -0.01))
UNSCORED = np.where(np.arange(1000) == 7, np.nan, SCORES)


@pytest.mark.parametrize(
    ("ahead", "seen", "names"),
    [
        pytest.param(SAME, SCORES, [], id="the same"),
        pytest.param(SAME, WISER, [], id="wiser where it has learned"),
        pytest.param(HIGHER, SCORES, [APART], id="scores far apart"),
        pytest.param(ACTED_ON, SCORES, [FLIPPED], id="other decisions"),
        pytest.param(MIXED, SCORES, [RANK], id="another order"),
        pytest.param(TURNED, SCORES, [RANK], id="the opposite order"),
        pytest.param(SAME, WORSE, [RISE], id="worse where it has learned"),
        pytest.param(beside(UNSCORED), UNSCORED, [APART, FLIPPED, RANK, RISE], id="a score that is missing"),
    ],
)
def test_a_refit_agrees_unless_one_of_its_numbers_misses_its_bar(
    ahead: ScorePair, seen: Floats, names: list[str]
) -> None:
    assert failed(ahead, seen) == names


@pytest.mark.parametrize(
    ("ahead", "seen", "bars"),
    [
        (HIGHER, SCORES, replace(BARS, max_score_difference=0.05)),
        (ACTED_ON, SCORES, replace(BARS, max_flipped_share=0.1)),
        (MIXED, SCORES, replace(BARS, min_rank_correlation=0.5)),
        (SAME, WORSE, replace(BARS, max_loss_rise=0.05)),
    ],
    ids=[APART, FLIPPED, RANK, RISE],
)
def test_each_bar_is_the_declared_one(ahead: ScorePair, seen: Floats, bars: Refit) -> None:
    assert failed(ahead, seen, bars) == []


def test_without_rows_ahead_nothing_is_shown_and_the_numbers_are_missing() -> None:
    none = beside(SCORES[:0], SCORES[:0])
    checks = refit_equivalence.refit_checks(none, SAME, LABELS, YES_OR_NO, BARS)
    assert [check.name for check in checks if check.value is None] == [APART, FLIPPED, RANK]
    assert not RefitComparison(judged="a", refit="b", checks=checks).is_equivalent


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [(0.3, 0.3, CheckStatus.PASS), (0.3, None, CheckStatus.FAIL), (None, 0.3, CheckStatus.FAIL)],
    ids=["both", "the judged one", "the refit"],
)
def test_a_model_that_tells_no_row_from_another_agrees_in_order_only_with_its_like(
    one: float | None, other: float | None, answer: CheckStatus
) -> None:
    judged, refit = (SCORES if each is None else np.full(1000, each) for each in (one, other))
    _, _, rank, _ = refit_equivalence.refit_checks(ScorePair(judged=judged, refit=refit), SAME, LABELS, YES_OR_NO, BARS)
    assert rank.status is answer


@given(arrays.arrays(np.float64, st.integers(2, 40), elements=st.floats(0.001, 0.999)))
def test_every_model_agrees_with_itself(scores: Floats) -> None:
    labels, pair = np.resize([0.0, 1.0], len(scores)), ScorePair(judged=scores, refit=scores)
    checks = refit_equivalence.refit_checks(pair, pair, labels, YES_OR_NO, BARS)
    assert RefitComparison(judged="a", refit="b", checks=checks).is_equivalent
