"""The gate where a number is asked for: what is better gets in, what is not stays out, and neither depends on the unit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml import targets
from ml.arrays import Booleans, Floats
from ml.promotion import gate
from ml.promotion.gate import CheckStatus, GateRule, HoldoutScores, Outcome, PromotionVerdict
from ml.usecase import Gates, PinballCost
from tests.ml.answers import MINUTES, waited, waiting

GATES = Gates(judged_nights=7)
ROWS = waited()
EXPECTED = ROWS.frame["expected"].to_numpy()
CONSTANT = np.full(len(ROWS.labels), MINUTES.prior)


def blurred(share: float) -> Floats:
    """Return answers between the right ones (0) and the constant (1)."""
    return (1 - share) * ROWS.scores + share * CONSTANT


def judge(
    champion: Floats, challenger: Floats, bar: GateRule = GateRule.CHANGE, gates: Gates = GATES, **slices: Booleans
) -> PromotionVerdict:
    judged = HoldoutScores(
        labels=ROWS.labels, champion=champion, challenger=challenger, nights=ROWS.nights, slices=slices
    )
    return gate.judge(judged, gates, bar, MINUTES)


@pytest.mark.parametrize(
    ("bar", "champion", "challenger", "outcome"),
    [
        (GateRule.CHANGE, 0.6, 0.0, Outcome.PROMOTE),
        (GateRule.CHANGE, 0.0, 0.6, Outcome.KEEP),
        (GateRule.CHANGE, 0.3, 0.3, Outcome.KEEP),
        (GateRule.REFRESH, 0.6, 0.0, Outcome.PROMOTE),
        (GateRule.REFRESH, 0.3, 0.3, Outcome.KEEP),
        (GateRule.BOOTSTRAP, 1.0, 0.2, Outcome.PROMOTE),
        (GateRule.CHAMPION_UNAVAILABLE, 1.0, 0.2, Outcome.UNEVALUABLE),
    ],
    ids=["better", "worse", "itself", "fresh and better", "fresh and itself", "first", "alone"],
)
def test_a_challenger_is_promoted_only_when_its_bar_is_met(
    bar: GateRule, champion: float, challenger: float, outcome: Outcome
) -> None:
    assert judge(blurred(champion), blurred(challenger), bar).outcome is outcome


def test_a_model_without_skill_is_not_promoted_however_bad_the_champion() -> None:
    verdict = judge(CONSTANT + 60, CONSTANT + 5)
    assert verdict.outcome is Outcome.KEEP
    assert "skill -0." in verdict.reason
    assert "(bar: at least 0.0, set by gates.min_skill)" in verdict.reason


def test_a_slice_shown_worse_beyond_the_margin_refuses_a_better_challenger() -> None:
    hurt = (np.arange(len(EXPECTED)) % 10 == 0).astype(bool)
    verdict = judge(blurred(0.95), np.where(hurt, ROWS.scores + 60, ROWS.scores), zone=hurt)
    assert verdict.gain.value > 0
    assert verdict.outcome is Outcome.KEEP
    assert "slice zone: relative loss gain" in verdict.reason


@pytest.mark.parametrize("bar", GateRule)
def test_answers_that_are_not_numbers_are_never_promoted(bar: GateRule) -> None:
    assert judge(blurred(1.0), np.full(len(EXPECTED), np.nan), bar).outcome is not Outcome.PROMOTE


def test_a_model_that_a_baseline_equals_is_not_worth_its_keep() -> None:
    baselines = {"last week": blurred(0.05)}
    judged = HoldoutScores(
        labels=ROWS.labels,
        champion=CONSTANT,
        challenger=blurred(0.2),
        nights=ROWS.nights,
        slices={},
        baselines=baselines,
    )
    assert "relative loss gain on the baseline last week" in gate.judge(judged, GATES, GateRule.CHANGE, MINUTES).reason


def meeting(seed: int, gain: float, nights: int = 7) -> HoldoutScores:
    """Return two models that differ by each night's luck; the challenger's answers are `gain` of the way to the truth.

    Nights move labels and both models' errors together, and differently, as they do in reality.
    """
    chance = np.random.default_rng(seed)
    rows = waited(nights=nights, a_night=100, seed=seed)
    storm, one, other = (chance.normal(0, deviation, nights).repeat(100) for deviation in (3.0, 1.5, 1.5))
    constant = np.full(len(rows.labels), MINUTES.prior)
    champion = 0.7 * rows.scores + 0.3 * constant + one
    share = 0.3 * (1 - gain)
    return HoldoutScores(
        labels=rows.labels + storm,
        champion=champion,
        challenger=(1 - share) * rows.scores + share * constant + other,
        nights=rows.nights,
        slices={},
    )


def promoted(gain: float, bar: GateRule, seeds: int = 300, nights: int = 7) -> float:
    outcomes = [gate.judge(meeting(seed, gain, nights), GATES, bar, MINUTES).outcome for seed in range(seeds)]
    return outcomes.count(Outcome.PROMOTE) / seeds


def test_equal_models_are_promoted_as_a_change_in_one_case_of_twenty_at_most() -> None:
    assert promoted(0.0, GateRule.CHANGE) <= 0.05


def test_worse_models_hardly_ever_get_in() -> None:
    assert promoted(-0.7, GateRule.CHANGE) <= 0.01
    assert promoted(-0.7, GateRule.REFRESH) <= 0.05


def test_the_better_a_model_the_more_often_it_gets_in() -> None:
    shares = [promoted(gain, GateRule.CHANGE, seeds=60, nights=28) for gain in (0.0, 0.4, 0.8)]
    assert shares == sorted(shares)
    assert shares[-1] > 0.8


@settings(max_examples=25, deadline=None)
@given(st.floats(0.01, 1000), st.floats(-500, 500), st.integers(0, 50))
def test_in_another_unit_the_verdict_is_the_same(factor: float, shift: float, seed: int) -> None:
    there = meeting(seed, 0.4)
    moved = replace(
        there,
        **{name: factor * getattr(there, name) + shift for name in ("labels", "champion", "challenger")},
    )
    target = targets.from_labels(waiting(), factor * ROWS.labels + shift)
    one, other = gate.judge(there, GATES, GateRule.CHANGE, MINUTES), gate.judge(moved, GATES, GateRule.CHANGE, target)
    assert one.outcome is other.outcome
    assert one.gain.value == pytest.approx(other.gain.value, abs=1e-6)


def test_the_gain_in_cost_is_the_gain_in_loss_times_its_price() -> None:
    verdict = judge(blurred(0.6), blurred(0.1))
    price = 1000 * MINUTES.scale * (3 + 1)
    assert verdict.cost_gain.value == pytest.approx(price * verdict.gain.value)


def test_no_word_of_the_verdict_speaks_of_a_yes_or_no() -> None:
    verdict = judge(blurred(0.1), blurred(0.6), zone=EXPECTED > 20)
    said = " ".join([verdict.reason, *(f"{check.name} {check.bar}" for check in verdict.checks)])
    assert not [each for each in ("probab", "rate", "log loss", "AUC") if each in said]
    assert {check.status for check in verdict.checks} <= set(CheckStatus)


def test_the_quantile_asked_for_decides_which_model_is_better() -> None:
    """One always answers ten minutes more: where too little is dear it gets in, where too much is dear it does not."""
    judged = HoldoutScores(
        labels=ROWS.labels, champion=EXPECTED - 2, challenger=EXPECTED + 8, nights=ROWS.nights, slices={}
    )
    dear, cheap = (
        targets.from_labels(waiting(cost=PinballCost(under=under, over=1)), ROWS.labels) for under in (20.0, 0.1)
    )
    assert gate.judge(judged, GATES, GateRule.CHANGE, dear).outcome is Outcome.PROMOTE
    assert gate.judge(judged, GATES, GateRule.CHANGE, cheap).outcome is Outcome.KEEP
