from dataclasses import asdict, replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.errors import RequestError
from ml.retraining import triggers as retraining_triggers
from ml.retraining.triggers import ChampionFacts, RetrainingDecision, TriggerState
from ml.retraining.worth import WorthFacts
from ml.usecase import BlackoutPeriod, Budget, Drift, Night, Persistence, RetrainingPrice, Triggers

TONIGHT, HORIZON = date(2024, 3, 20), Night(hour=2, timezone="UTC")
QUIET = ChampionFacts(
    night=TONIGHT,
    matured_nights=14,
    calibration_gap=0.01,
    loss=0.50,
    loss_low=0.49,
    reference_loss=0.50,
    estimated_loss=0.50,
    expected_loss=0.50,
    new_labels=100,
    age_nights=10,
    trained_nights=(date(2024, 3, 10),),
    drifted_share=0.1,
)
ALL = Triggers(
    calibration_gap=0.04,
    loss_rise=0.1,
    loss_surprise=0.3,
    expected_loss_rise=0.2,
    new_labels=50_000,
    age_nights=28,
    drift=Drift(triggers_retraining=True),
)


def decide(triggers: Triggers, facts: ChampionFacts) -> RetrainingDecision:
    return retraining_triggers.decide(triggers, facts, HORIZON)


def test_nothing_fires_while_every_number_is_below_its_threshold() -> None:
    decision = decide(ALL, QUIET)
    assert (decision.retrain, decision.reason) == (False, "nothing fired")
    assert [finding.state for finding in decision.findings] == [TriggerState.NOT_FIRED] * 7


@pytest.mark.parametrize(
    ("change", "trigger", "reason"),
    [
        ({"calibration_gap": 0.05}, "calibration_gap", "calibration_gap is 0.05, threshold 0.04"),
        ({"calibration_gap": -0.05}, "calibration_gap", "calibration_gap is 0.05, threshold 0.04"),
        ({"loss": 0.56, "loss_low": 0.51}, "loss_rise", "loss_rise is 0.12, threshold 0.1"),
        (
            {"estimated_loss": 0.4, "loss": 0.54, "loss_low": 0.41},
            "loss_surprise",
            "loss_surprise is 0.35, threshold 0.3",
        ),
        ({"expected_loss": 0.65}, "expected_loss_rise", "expected_loss_rise is 0.3, threshold 0.2"),
        ({"new_labels": 50_001}, "new_labels", "new_labels is 50,001, threshold 50,000"),
        ({"age_nights": 29}, "age_nights", "age_nights is 29, threshold 28"),
        ({"drifted_share": 0.75}, "drift", "drift is 0.75, threshold 0.5"),
    ],
    ids=["expects too much", "expects too little", "loss", "surprise", "expected loss", "labels", "age", "drift"],
)
def test_a_number_above_its_threshold_asks_and_says_so(change: dict[str, Any], trigger: str, reason: str) -> None:
    decision = decide(ALL, replace(QUIET, **change))
    assert (decision.retrain, decision.trigger) == (True, trigger)
    assert decision.reason == reason


def test_a_trigger_switched_off_is_silent() -> None:
    off = Triggers(calibration_gap=None, new_labels=None, drift=None)
    decision = decide(off, replace(QUIET, calibration_gap=0.5, new_labels=10**9))
    assert (decision.retrain, decision.reason, decision.findings) == (False, "no trigger is switched on", ())


@pytest.mark.parametrize(
    "change", [{"matured_nights": 4}, {"calibration_gap": None}], ids=["too few nights", "nothing measured"]
)
def test_too_little_to_tell_is_said_and_does_not_ask(change: dict[str, float | None]) -> None:
    decision = decide(Triggers(new_labels=None, drift=None), replace(QUIET, **({"calibration_gap": 0.5} | change)))
    assert (decision.retrain, decision.reason) == (False, "nothing fired; insufficient data: calibration_gap")


def test_each_trigger_that_asks_is_told_by_its_own_number_and_by_what_holds_all_back() -> None:
    facts = replace(QUIET, calibration_gap=0.05, new_labels=60_000)
    gap, labels = "calibration_gap is 0.05, threshold 0.04", f"new_labels is 60,000, threshold {ALL.new_labels:,}"
    assert decide(ALL, facts).fired_messages == {"calibration_gap": gap, "new_labels": labels}
    held = f"; held back until {TONIGHT + timedelta(days=7)}: cooldown, nights to go: 7"
    cooling = decide(ALL, replace(facts, trained_nights=(TONIGHT,)))
    assert cooling.fired_messages == {"calibration_gap": gap + held, "new_labels": labels + held}
    assert decide(ALL, QUIET).fired_messages == {}


@pytest.mark.parametrize(("nights", "asks"), [(0, False), (6, False), (7, True)])
def test_within_the_cooldown_nothing_is_asked_for(nights: int, asks: bool) -> None:
    tried = HORIZON.previous(TONIGHT, nights)
    decision = decide(ALL, replace(QUIET, calibration_gap=0.05, trained_nights=(tried,)))
    assert decision.retrain is asks
    held = f"; held back until {tried + timedelta(days=7)}: cooldown, nights to go: {7 - nights}"
    assert asks or decision.reason.endswith(held)


def test_the_first_trigger_in_their_order_is_named_and_all_are_kept() -> None:
    decision = decide(ALL, replace(QUIET, calibration_gap=0.05, age_nights=40))
    assert decision.trigger == "calibration_gap"
    assert [each.trigger for each in decision.findings if each.state is TriggerState.FIRED] == [
        "calibration_gap",
        "age_nights",
    ]


@given(st.floats(0, 1), st.floats(0.001, 1))
def test_a_higher_gap_never_asks_less(gap: float, more: float) -> None:
    lower, higher = (decide(ALL, replace(QUIET, calibration_gap=each)).retrain for each in (gap, gap + more))
    assert higher or not lower


@pytest.mark.parametrize(
    "change",
    [
        {"calibration_gap": 0.04},
        {"calibration_gap": -0.04},
        {"new_labels": 50_000},
        {"age_nights": 28},
        {"loss": 0.40},
    ],
    ids=["gap", "gap below 0", "labels", "age", "loss that fell"],
)
def test_a_number_at_its_threshold_or_better_does_not_ask(change: dict[str, float]) -> None:
    assert decide(ALL, replace(QUIET, **change)).reason == "nothing fired"


@pytest.mark.parametrize(
    "change",
    [{"loss": None}, {"reference_loss": None}, {"reference_loss": 0.0}, {"matured_nights": 4}],
    ids=["no loss", "nothing to rise from", "a rise from 0", "too few nights"],
)
def test_a_rise_that_cannot_be_told_does_not_ask(change: dict[str, float | None]) -> None:
    triggers = Triggers(calibration_gap=None, loss_rise=0.1, new_labels=None, drift=None)
    decision = decide(triggers, replace(QUIET, **({"loss": 5.0} | change)))
    assert (decision.retrain, decision.reason) == (False, "nothing fired; insufficient data: loss_rise")


def test_a_gap_that_is_not_a_number_is_too_little_to_tell() -> None:
    decision = decide(ALL, replace(QUIET, calibration_gap=float("nan")))
    assert (decision.retrain, decision.findings[0].state) == (False, TriggerState.INSUFFICIENT_DATA)


def test_labels_can_ask_before_any_night_has_matured() -> None:
    decision = decide(ALL, replace(QUIET, matured_nights=0, new_labels=60_000))
    assert (decision.retrain, decision.trigger) == (True, "new_labels")


def test_a_decision_put_off_by_the_cooldown_keeps_its_findings() -> None:
    decision = decide(ALL, replace(QUIET, calibration_gap=0.05, trained_nights=(TONIGHT,)))
    assert [finding.state for finding in decision.findings] == [TriggerState.FIRED, *[TriggerState.NOT_FIRED] * 6]


def test_a_rise_of_the_loss_whose_interval_holds_0_is_told_and_does_not_ask() -> None:
    decision = decide(ALL, replace(QUIET, loss=0.56, loss_low=0.49))
    assert (decision.retrain, decision.reason) == (
        False,
        "nothing fired; above a threshold: loss_rise (its interval contains 0)",
    )


def test_drift_is_shown_and_not_obeyed_unless_it_asks() -> None:
    decision = decide(replace(ALL, drift=Drift()), replace(QUIET, drifted_share=0.9))
    assert (decision.retrain, decision.findings[-1].state) == (False, TriggerState.SUPPRESSED)
    assert decision.reason == "nothing fired; above a threshold: drift (does not trigger retraining)"


LASTING = replace(ALL, persistence=(Persistence(trigger="calibration_gap", nights=2, out_of=3),))
GAP, OTHER = frozenset({"calibration_gap"}), frozenset({"drift"})


@pytest.mark.parametrize(
    ("above", "asks"),
    [
        ((), False),
        ((OTHER, OTHER), False),
        ((GAP,), True),
        ((OTHER, GAP), True),
        ((OTHER, frozenset(), GAP), False),
    ],
    ids=["the first night", "another was above", "last night too", "the night before last", "too long ago"],
)
def test_a_trigger_that_must_last_asks_when_it_has(above: tuple[frozenset[str], ...], asks: bool) -> None:
    decision = decide(LASTING, replace(QUIET, calibration_gap=0.05, above_history=above))
    assert decision.retrain is asks
    assert asks or "calibration_gap (1 of 3 nights, needs 2)" in decision.reason


def test_a_trigger_that_is_not_above_tonight_does_not_ask_for_what_was() -> None:
    assert not decide(LASTING, replace(QUIET, above_history=(GAP, GAP))).retrain


@given(st.lists(st.sampled_from([GAP, OTHER, frozenset()]), max_size=5), st.integers(1, 4), st.integers(1, 4))
def test_lasting_longer_is_never_asked_for_sooner(above: list[frozenset[str]], one: int, other: int) -> None:
    facts = replace(QUIET, calibration_gap=0.05, above_history=tuple(above))
    asked = {
        nights: decide(
            replace(ALL, persistence=(Persistence(trigger="calibration_gap", nights=nights, out_of=4),)), facts
        ).retrain
        for nights in (one, other)
    }
    assert asked[min(one, other)] >= asked[max(one, other)]


@pytest.mark.parametrize(
    ("held", "until", "why"),
    [
        ({"budget": Budget(trainings=1, nights=28)}, "2024-04-07", "1 of 1 trainings in 28 nights are used"),
        (
            {"blackouts": (BlackoutPeriod(nights="2024-03-18..2024-03-24", why="a freeze"),)},
            "2024-03-25",
            "blackout period (a freeze)",
        ),
    ],
    ids=["budget", "quiet"],
)
def test_what_is_held_back_says_until_when_and_why(held: dict[str, Any], until: str, why: str) -> None:
    decision = decide(replace(ALL, **held), replace(QUIET, calibration_gap=0.05))
    assert (decision.retrain, decision.trigger, decision.throttled_until) == (False, None, until)
    assert decision.reason == f"calibration_gap is 0.05, threshold 0.04; held back until {until}: {why}"


def test_what_holds_back_changes_nothing_where_nothing_is_asked_for() -> None:
    held = replace(
        ALL, budget=Budget(trainings=1, nights=99), blackouts=(BlackoutPeriod(nights="01-01..12-30", why="a freeze"),)
    )
    assert decide(held, QUIET) == decide(ALL, QUIET)


def test_a_batch_is_held_back_like_a_night() -> None:
    triggers = replace(ALL, label_batch=100, blackouts=(BlackoutPeriod(nights="03-18..03-24", why="a freeze"),))
    decision = retraining_triggers.decide_on_label_batch(triggers, 100, TONIGHT, (), HORIZON)
    assert (decision.retrain, decision.throttled_until) == (False, "2024-03-25")
    assert (
        retraining_triggers.decide_on_label_batch(replace(triggers, blackouts=()), 100, TONIGHT, (), HORIZON).trigger
        == "label_batch"
    )
    with pytest.raises(RequestError, match="label_batch"):
        retraining_triggers.decide_on_label_batch(ALL, 100, TONIGHT, (), HORIZON)


def test_what_was_above_is_read_back_from_a_record() -> None:
    decision = decide(replace(ALL, drift=Drift()), replace(QUIET, calibration_gap=0.05, drifted_share=0.9))
    assert retraining_triggers.above_threshold(decision.findings) == {"calibration_gap", "drift"}
    assert retraining_triggers.above_threshold_recorded([asdict(each) for each in decision.findings]) == {
        "calibration_gap",
        "drift",
    }


PRICED = Triggers(
    calibration_gap=None,
    new_labels=None,
    drift=None,
    worth=RetrainingPrice(cpu_hour=36.0, risk=90.0, first_age_nights=10),
)
MEASURED = WorthFacts(age_cost=3.0, error=0.0, nights=20, cpu_seconds=1000.0)


@pytest.mark.parametrize(
    ("known", "age", "retrain", "reason"),
    [
        (MEASURED, 7, False, "nothing fired"),
        (MEASURED, 9, True, "worth is 126, threshold 100"),
        (replace(MEASURED, cpu_seconds=5000.0), 9, False, "nothing fired"),
        (replace(MEASURED, age_cost=-2.0), 21, False, "nothing fired"),
        (replace(MEASURED, age_cost=-2.0), 22, True, "worth is 101.2, threshold 100"),
        (replace(MEASURED, age_cost=None, error=None), 10, True, "worth is 110, threshold 100"),
        (replace(MEASURED, age_cost=None, error=None), 9, False, "nothing fired"),
        (
            replace(MEASURED, cpu_seconds=None),
            300,
            False,
            "nothing fired; insufficient data: worth (no training time was recorded)",
        ),
        (replace(MEASURED, fault="no package"), 300, False, "nothing fired; insufficient data: worth (no package)"),
        (None, 300, False, "nothing fired; insufficient data: worth (it was not measured)"),
    ],
    ids=[
        "young",
        "old",
        "dear",
        "ageless",
        "ageless and old",
        "not known",
        "not known and young",
        "no time",
        "a fault",
        "nothing",
    ],
)
def test_a_refresh_is_asked_for_when_it_saves_more_than_its_price(
    known: WorthFacts | None, age: int, retrain: bool, reason: str
) -> None:
    decision = decide(PRICED, replace(QUIET, worth=known, age_nights=age))
    assert (decision.retrain, decision.reason) == (retrain, reason)


def test_a_price_is_throttled_as_every_trigger_is() -> None:
    decision = decide(PRICED, replace(QUIET, worth=MEASURED, age_nights=10, trained_nights=(TONIGHT,)))
    assert not decision.retrain
    assert decision.reason.startswith("worth is 154, threshold 100; held back until ")
    lasting = replace(PRICED, persistence=(Persistence(trigger="worth", nights=2, out_of=2),))
    facts = replace(QUIET, worth=MEASURED, age_nights=10)
    assert not decide(lasting, facts).retrain
    assert decide(lasting, replace(facts, above_history=(frozenset({"worth"}),))).retrain
