from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml import retraining
from ml.retraining import Facts, State
from ml.usecase import Triggers

QUIET = Facts(
    matured_nights=14,
    calibration_gap=0.01,
    loss=0.50,
    reference_loss=0.50,
    new_labels=100,
    age_nights=10,
    nights_since_training=10,
)
ALL = Triggers(calibration_gap=0.04, loss_rise=0.1, new_labels=50_000, age_nights=28)


def test_nothing_fires_while_every_number_is_below_its_threshold() -> None:
    decision = retraining.decide(ALL, QUIET)
    assert (decision.retrain, decision.reason) == (False, "nothing fired")
    assert [finding.state for finding in decision.findings] == [State.QUIET] * 4


@pytest.mark.parametrize(
    ("change", "trigger", "reason"),
    [
        ({"calibration_gap": 0.05}, "calibration_gap", "calibration_gap is 0.05, threshold 0.04"),
        ({"calibration_gap": -0.05}, "calibration_gap", "calibration_gap is 0.05, threshold 0.04"),
        ({"loss": 0.56}, "loss_rise", "loss_rise is 0.12, threshold 0.1"),
        ({"new_labels": 50_001}, "new_labels", "new_labels is 50,001, threshold 50,000"),
        ({"age_nights": 29}, "age_nights", "age_nights is 29, threshold 28"),
    ],
    ids=["expects too much", "expects too little", "loss", "labels", "age"],
)
def test_a_number_above_its_threshold_asks_and_says_so(change: dict[str, float], trigger: str, reason: str) -> None:
    decision = retraining.decide(ALL, replace(QUIET, **change))
    assert (decision.retrain, decision.trigger) == (True, trigger)
    assert decision.reason == reason


def test_a_trigger_switched_off_is_silent() -> None:
    off = Triggers(calibration_gap=None, new_labels=None)
    decision = retraining.decide(off, replace(QUIET, calibration_gap=0.5, new_labels=10**9))
    assert (decision.retrain, decision.reason, decision.findings) == (False, "no trigger is switched on", ())


@pytest.mark.parametrize(
    "change", [{"matured_nights": 4}, {"calibration_gap": None}], ids=["too few nights", "nothing measured"]
)
def test_too_little_to_tell_is_said_and_does_not_ask(change: dict[str, float | None]) -> None:
    decision = retraining.decide(Triggers(new_labels=None), replace(QUIET, **({"calibration_gap": 0.5} | change)))
    assert (decision.retrain, decision.reason) == (False, "nothing fired; too little to tell: calibration_gap")


@pytest.mark.parametrize(("nights", "asks"), [(0, False), (6, False), (7, True)])
def test_within_the_cooldown_nothing_is_asked_for(nights: int, asks: bool) -> None:
    decision = retraining.decide(ALL, replace(QUIET, calibration_gap=0.05, nights_since_training=nights))
    assert decision.retrain is asks
    assert asks or f"cooling down, nights to go: {7 - nights}" in decision.reason


def test_the_first_trigger_in_their_order_is_named_and_all_are_kept() -> None:
    decision = retraining.decide(ALL, replace(QUIET, calibration_gap=0.05, age_nights=40))
    assert decision.trigger == "calibration_gap"
    assert [each.trigger for each in decision.findings if each.state is State.FIRED] == [
        "calibration_gap",
        "age_nights",
    ]


@given(st.floats(0, 1), st.floats(0.001, 1))
def test_a_higher_gap_never_asks_less(gap: float, more: float) -> None:
    lower, higher = (retraining.decide(ALL, replace(QUIET, calibration_gap=each)).retrain for each in (gap, gap + more))
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
    assert retraining.decide(ALL, replace(QUIET, **change)).reason == "nothing fired"


@pytest.mark.parametrize(
    "change",
    [{"loss": None}, {"reference_loss": None}, {"reference_loss": 0.0}, {"matured_nights": 4}],
    ids=["no loss", "nothing to rise from", "a rise from 0", "too few nights"],
)
def test_a_rise_that_cannot_be_told_does_not_ask(change: dict[str, float | None]) -> None:
    triggers = Triggers(calibration_gap=None, loss_rise=0.1, new_labels=None)
    decision = retraining.decide(triggers, replace(QUIET, **({"loss": 5.0} | change)))
    assert (decision.retrain, decision.reason) == (False, "nothing fired; too little to tell: loss_rise")


def test_a_gap_that_is_not_a_number_is_too_little_to_tell() -> None:
    decision = retraining.decide(ALL, replace(QUIET, calibration_gap=float("nan")))
    assert (decision.retrain, decision.findings[0].state) == (False, State.NOT_ENOUGH)


def test_labels_can_ask_before_any_night_has_matured() -> None:
    decision = retraining.decide(ALL, replace(QUIET, matured_nights=0, new_labels=60_000))
    assert (decision.retrain, decision.trigger) == (True, "new_labels")


def test_a_decision_put_off_by_the_cooldown_keeps_its_findings() -> None:
    decision = retraining.decide(ALL, replace(QUIET, calibration_gap=0.05, nights_since_training=0))
    assert [finding.state for finding in decision.findings] == [State.FIRED, *[State.QUIET] * 3]
