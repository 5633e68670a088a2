import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.arrays import Floats
from ml.metrics import probability
from ml.promotion import gate
from ml.promotion.gate import CheckStatus, GateRule, HoldoutScores, Outcome, PromotionVerdict
from ml.statistics import intervals
from ml.usecase import Cost, Gates
from tests.ml.answers import YES_OR_NO

LAW = settings(max_examples=25, deadline=None)
GATES = Gates(judged_nights=7)
COST = Cost(act=10, miss=50, averted=0.5)
NIGHTS = np.repeat([f"2013-02-{day:02d}" for day in range(1, 8)], 200).astype(object)
CHANCE = np.random.default_rng(7)
RISK = CHANCE.uniform(0.05, 0.95, len(NIGHTS))
LABELS = (CHANCE.random(len(NIGHTS)) < RISK).astype(np.float64)


def blurred(share: float) -> Floats:
    """Return scores between the truth (0) and the base rate (1)."""
    return (1 - share) * RISK + share * LABELS.mean()


def judge(
    champion: Floats, challenger: Floats, bar: GateRule = GateRule.CHANGE, gates: Gates = GATES, **slices: Any
) -> PromotionVerdict:
    judged = HoldoutScores(labels=LABELS, champion=champion, challenger=challenger, nights=NIGHTS, slices=slices)
    return gate.judge(judged, gates, bar, YES_OR_NO)


@pytest.mark.parametrize(
    ("bar", "champion", "challenger", "outcome"),
    [
        (GateRule.CHANGE, 0.6, 0.0, Outcome.PROMOTE),
        (GateRule.CHANGE, 0.0, 0.6, Outcome.KEEP),
        (GateRule.CHANGE, 0.3, 0.3, Outcome.KEEP),
        (GateRule.REFRESH, 0.6, 0.0, Outcome.PROMOTE),
        (GateRule.REFRESH, 0.3, 0.3, Outcome.KEEP),
        (GateRule.BOOTSTRAP, 1.0, 0.2, Outcome.PROMOTE),
    ],
    ids=["better", "worse", "itself", "fresh and better", "fresh and itself", "first"],
)
def test_a_challenger_is_promoted_only_when_its_bar_is_met(
    bar: GateRule, champion: float, challenger: float, outcome: Outcome
) -> None:
    assert judge(blurred(champion), blurred(challenger), bar).outcome is outcome


def uneven() -> Floats:
    """Return scores better than `blurred(0.4)` on five nights and worse on two: a gain that may be chance."""
    shares = np.repeat([0.1, 0.55, 0.1, 0.0, 0.5, 0.2, 0.0], 200)
    return (1 - shares) * RISK + shares * LABELS.mean()


def test_a_gain_that_may_be_chance_is_inconclusive_for_a_change() -> None:
    verdict = judge(blurred(0.4), uneven(), GateRule.CHANGE)
    assert verdict.gain.low < 0 < verdict.gain.value
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "shown better" in verdict.reason
    assert "the 95% interval of the log loss gain above 0" in verdict.reason


@pytest.mark.parametrize("bar", [GateRule.CHANGE, GateRule.REFRESH])
def test_what_is_only_unproven_passed_every_other_check(bar: GateRule) -> None:
    assert judge(blurred(0.4), uneven(), bar).is_only_unproven
    assert not judge(blurred(0.6), RISK, bar).is_only_unproven
    assert not judge(blurred(0.4), uneven(), bar, Gates(judged_nights=7, max_log_loss=0.1)).is_only_unproven


LARGE = np.repeat([f"2013-03-{day:02d}" for day in range(1, 15)], 400).astype(object)
_DRAWN = np.random.default_rng(11)
_SIGNAL = _DRAWN.normal(0, 1.0, len(LARGE))
_SHOCK = np.repeat(_DRAWN.normal(0, 0.6, 14), 400)
_OUTCOMES = (_DRAWN.random(len(LARGE)) < 1 / (1 + np.exp(-(_SIGNAL + _SHOCK)))).astype(np.float64)
_WOBBLE = np.repeat(_DRAWN.normal(0, 0.3, 14), 400)


def sigmoid(raw: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-raw)))


def judge_large(champion: Floats, challenger: Floats, nights: Any = LARGE) -> PromotionVerdict:
    judged = HoldoutScores(labels=_OUTCOMES, champion=champion, challenger=challenger, nights=nights, slices={})
    return gate.judge(judged, GATES, GateRule.REFRESH, YES_OR_NO)


def test_a_better_order_is_shown_though_the_levels_of_the_nights_hide_it_in_the_loss() -> None:
    verdict = judge_large(sigmoid(0.75 * _SIGNAL), sigmoid(_SIGNAL + 0.08 * _WOBBLE))
    assert verdict.centred_gain is not None
    assert verdict.centred_gain.low > 0 > verdict.gain.low > -GATES.refresh_margin
    assert verdict.outcome is Outcome.PROMOTE


def test_a_better_order_alone_shows_nothing_in_a_week() -> None:
    week = np.flatnonzero(LARGE < "2013-03-08")
    judged = HoldoutScores(
        labels=_OUTCOMES[week],
        champion=sigmoid(0.75 * _SIGNAL)[week],
        challenger=sigmoid(_SIGNAL + 0.15 * _WOBBLE)[week],
        nights=LARGE[week],
        slices={},
    )
    verdict = gate.judge(judged, GATES, GateRule.REFRESH, YES_OR_NO)
    assert verdict.centred_gain is not None
    assert verdict.centred_gain.low > 0 > verdict.gain.low
    assert verdict.is_only_unproven


def test_a_better_order_at_a_worse_level_is_not_promoted() -> None:
    verdict = judge_large(sigmoid(0.75 * _SIGNAL), sigmoid(_SIGNAL - 0.5))
    assert verdict.centred_gain is not None
    assert verdict.centred_gain.low > 0 > verdict.gain.value
    assert verdict.outcome is not Outcome.PROMOTE


def test_hours_of_one_day_are_one_observation() -> None:
    hours = np.array([f"{night}T{hour:02d}" for night, hour in zip(LARGE, np.arange(len(LARGE)) % 24, strict=True)])
    scores = sigmoid(0.75 * _SIGNAL), sigmoid(_SIGNAL)
    assert judge_large(*scores, nights=hours.astype(object)) == judge_large(*scores)


def test_a_slice_shown_worse_beyond_the_margin_refuses_a_better_challenger() -> None:
    hurt = NIGHTS.astype(str) != ""
    hurt[100:] = np.arange(100, len(NIGHTS)) % 10 == 0
    challenger = np.where(hurt, 1 - RISK, RISK)
    verdict = judge(blurred(0.95), challenger, zone=hurt)
    assert verdict.gain.value > 0
    assert verdict.outcome is Outcome.KEEP
    assert "slice zone: log loss gain" in verdict.reason


@pytest.mark.parametrize(
    ("gates", "reported"),
    [
        (
            Gates(judged_nights=7, max_log_loss=0.3),
            r"log loss 0\.\d{4} \(bar: at most 0.3, set by gates.max_log_loss\)",
        ),
        (
            Gates(judged_nights=7, min_auc=0.93, leak_auc=0.95),
            r"ROC AUC 0\.\d{4} \(bar: at least 0.93, set by gates.min_auc\)",
        ),
    ],
    ids=["log loss", "auc"],
)
def test_a_challenger_below_a_floor_is_not_promoted_however_bad_the_champion(gates: Gates, reported: str) -> None:
    verdict = judge(blurred(1.0), RISK, gates=gates)
    assert verdict.outcome is Outcome.KEEP
    assert re.search(reported, verdict.reason)


def test_a_number_that_cannot_be_computed_refuses() -> None:
    only_yes = HoldoutScores(
        labels=np.ones(len(NIGHTS)),
        champion=blurred(1.0),
        challenger=np.full(len(NIGHTS), 0.9),
        nights=NIGHTS,
        slices={},
    )
    verdict = gate.judge(only_yes, GATES, GateRule.CHANGE, YES_OR_NO)
    assert verdict.outcome is Outcome.KEEP
    assert "ROC AUC missing" in verdict.reason


@pytest.mark.parametrize("bar", GateRule)
def test_scores_that_are_not_numbers_are_never_promoted(bar: GateRule) -> None:
    assert judge(blurred(1.0), np.full(len(NIGHTS), np.nan), bar).outcome is not Outcome.PROMOTE


def test_one_night_alone_proves_nothing() -> None:
    first = NIGHTS == "2013-02-01"
    judged = HoldoutScores(
        labels=LABELS[first], champion=blurred(0.9)[first], challenger=RISK[first], nights=NIGHTS[first], slices={}
    )
    assert gate.judge(judged, GATES, GateRule.CHANGE, YES_OR_NO).outcome is Outcome.INCONCLUSIVE


def test_what_passes_says_how_many_checks_it_passed() -> None:
    assert judge(blurred(0.6), RISK).reason == "all 5 checks of the change bar passed"


@given(st.floats(0, 1), st.sampled_from([GateRule.CHANGE, GateRule.REFRESH]))
def test_a_model_judged_against_itself_changes_nothing(share: float, bar: GateRule) -> None:
    verdict = judge(blurred(share), blurred(share), bar)
    assert verdict.outcome is Outcome.KEEP
    assert verdict.gain.value == 0


def test_the_same_rows_give_the_same_verdict() -> None:
    assert judge(blurred(0.4), uneven()) == judge(blurred(0.4), uneven())


def test_equal_models_are_rarely_promoted_as_a_change() -> None:
    promoted = 0
    for seed in range(60):
        moved = np.random.default_rng(seed).normal(0, 0.15, 7).repeat(200)
        one, other = (1 / (1 + np.exp(-(np.log(RISK / (1 - RISK)) + sign * moved))) for sign in (1, -1))
        promoted += judge(one, other).outcome is Outcome.PROMOTE
    assert promoted <= 6


@LAW
@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(GateRule))
def test_champion_and_challenger_swapped_flip_the_sign_of_the_gain(one: float, other: float, bar: GateRule) -> None:
    there, back = judge(blurred(one), blurred(other), bar), judge(blurred(other), blurred(one), bar)
    assert there.gain.value == pytest.approx(-back.gain.value, abs=1e-12)


@LAW
@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from([GateRule.CHANGE, GateRule.REFRESH]))
def test_two_models_never_both_displace_each_other(one: float, other: float, bar: GateRule) -> None:
    verdicts = (judge(blurred(one), blurred(other), bar), judge(blurred(other), blurred(one), bar))
    assert sum(verdict.outcome is Outcome.PROMOTE for verdict in verdicts) <= 1


@pytest.mark.parametrize("nights", [14, 28])
@pytest.mark.parametrize("seed", range(5))
def test_a_planted_improvement_over_two_weeks_or_more_is_promoted(nights: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    risk = chance.uniform(0.05, 0.95, nights * 100)
    judged = HoldoutScores(
        labels=(chance.random(len(risk)) < risk).astype(np.float64),
        champion=0.6 * risk + 0.2,
        challenger=risk,
        nights=np.repeat([f"night {n:02d}" for n in range(nights)], 100).astype(object),
        slices={},
    )
    assert gate.judge(judged, GATES, GateRule.CHANGE, YES_OR_NO).outcome is Outcome.PROMOTE


@pytest.mark.parametrize("hurt", ["a", "b", "c"])
def test_each_slice_alone_can_refuse(hurt: str) -> None:
    zones = np.resize(["a", "b", "c"], len(NIGHTS))
    slices = {zone: zones == zone for zone in "abc"}
    verdict = judge(blurred(0.5), np.where(zones == hurt, 1 - RISK, RISK), **slices)
    assert [c.name for c in verdict.checks if c.name.startswith("slice") and c.status is CheckStatus.FAIL] == [
        f"slice {hurt}: log loss gain"
    ]
    assert verdict.outcome is Outcome.KEEP


def test_a_slice_worse_within_the_margin_does_not_refuse() -> None:
    zones = np.resize(["a", "b"], len(NIGHTS))
    challenger = np.where(zones == "a", blurred(0.63), RISK)
    verdict = judge(blurred(0.6), challenger, a=zones == "a", b=zones == "b")
    assert next(c.value for c in verdict.checks if c.name.startswith("slice a")) < 0
    assert verdict.outcome is Outcome.PROMOTE


def test_the_more_slices_are_looked_at_the_more_each_must_show() -> None:
    shares = np.repeat([0.8, 1.0, 0.85, 1.0, 0.9, 0.8, 1.0], 200)
    worse = (1 - shares) * RISK + shares * LABELS.mean()
    lost = probability.row_log_loss(LABELS, RISK) - probability.row_log_loss(LABELS, worse)
    bounds = [intervals.mean_by_night(lost, NIGHTS, confidence, seed=1).high for confidence in (0.95, 1 - 0.05 / 50)]
    gates, everyone = Gates(slice_margin=-np.mean(bounds)), np.ones(len(NIGHTS), bool)
    alone, among = ({f"all {n}": everyone for n in range(count)} for count in (1, 50))
    answers = [judge(RISK, worse, gates=gates, **slices).checks[-1].status for slices in (alone, among)]
    assert answers == [CheckStatus.FAIL, CheckStatus.PASS]


def test_a_better_likelihood_does_not_buy_a_worse_decision() -> None:
    """Scores pushed off the threshold the wrong way cost more, though they are sharper everywhere else."""
    champion = blurred(0.6)
    near = np.abs(RISK - COST.threshold) < 0.2
    challenger = np.where(near, np.where(COST.threshold < RISK, COST.threshold - 0.02, COST.threshold + 0.02), RISK)
    verdict = judge(champion, challenger)
    assert verdict.gain.low > 0
    assert verdict.cost_gain.high < 0
    assert verdict.outcome is Outcome.KEEP
    assert "cost gain per 1000 rows" in verdict.reason


def test_a_challenger_alone_is_never_promoted_and_people_are_asked() -> None:
    assert (
        judge(np.full(len(LABELS), LABELS.mean()), blurred(0.0), GateRule.CHAMPION_UNAVAILABLE).outcome
        is Outcome.UNEVALUABLE
    )
    assert judge(np.full(len(LABELS), LABELS.mean()), 1 - RISK, GateRule.CHAMPION_UNAVAILABLE).outcome is Outcome.KEEP


@pytest.mark.parametrize(("baseline", "outcome"), [(0.9, Outcome.PROMOTE), (0.05, Outcome.KEEP), (0.1, Outcome.KEEP)])
def test_a_model_that_a_baseline_equals_is_not_worth_its_keep(baseline: float, outcome: Outcome) -> None:
    judged = HoldoutScores(
        labels=LABELS,
        champion=blurred(1.0),
        challenger=blurred(0.1),
        nights=NIGHTS,
        slices={},
        baselines={"last week": blurred(baseline)},
    )
    verdict = gate.judge(judged, GATES, GateRule.CHANGE, YES_OR_NO)
    assert verdict.outcome is outcome
    assert ("log loss gain on the baseline last week" in verdict.reason) is (outcome is Outcome.KEEP)
