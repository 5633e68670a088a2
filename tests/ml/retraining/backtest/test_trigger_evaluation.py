"""Each thing that breaks is noticed by what ought to, and where nothing breaks nobody is called: one world of each."""

import pytest

from ml.retraining.backtest import synthetic_scenarios, trigger_evaluation
from ml.retraining.backtest.synthetic_scenarios import SCENARIOS
from ml.retraining.backtest.trigger_evaluation import TRIGGER_SETTINGS, DetectionResult, DetectionRun

NOTHING, SEASON = SCENARIOS[:2]
BROKEN = {each.name: each for each in SCENARIOS[2:]}
CHEAP = {name: TRIGGER_SETTINGS[name] for name in ("calibration_gap", "loss_surprise")}


@pytest.mark.parametrize(
    ("scenario", "trigger"),
    [
        ("covariate shift", "drift from the season"),
        ("label shift", "calibration_gap"),
        ("concept shift", "loss_rise"),
        ("a feature is constant", "drift from training"),
        ("a feature in another unit", "drift from training"),
        ("a feature half missing", "drift from training"),
        ("a slow leak", "loss_surprise"),
    ],
)
def test_what_ought_to_notice_a_break_does_within_six_weeks(scenario: str, trigger: str) -> None:
    assert trigger in BROKEN[scenario].expected_triggers
    result = trigger_evaluation.evaluate_once(BROKEN[scenario], 11, {trigger: TRIGGER_SETTINGS[trigger]})[trigger]
    assert result.delay is not None
    assert result.delay <= 42
    assert result.false_alarms == 0


def test_where_nothing_happens_nobody_is_called() -> None:
    watches = {
        name: TRIGGER_SETTINGS[name]
        for name in ("calibration_gap", "loss_rise", "loss_surprise", "drift from training")
    }
    result = trigger_evaluation.evaluate_once(NOTHING, 12, watches)
    assert {each.false_alarms for each in result.values()} == {0}
    assert {each.nights_before_change for each in result.values()} == {synthetic_scenarios.SIMULATED_NIGHTS}


def test_a_season_is_drift_from_the_training_and_none_from_the_season_before() -> None:
    names = ("drift from training", "drift from the season", "calibration_gap", "loss_surprise")
    result = trigger_evaluation.evaluate_once(SEASON, 13, {name: TRIGGER_SETTINGS[name] for name in names})
    assert result.pop("drift from training").false_alarms > 50
    assert {each.false_alarms for each in result.values()} == {0}


def test_a_concept_that_turned_round_is_not_seen_by_the_calibration_gap() -> None:
    """The mean is right, and every single answer wrong: that is what a loss is for."""
    result = trigger_evaluation.evaluate_once(BROKEN["concept shift"], 11, CHEAP)
    assert result["calibration_gap"].delay is None
    assert result["loss_surprise"].delay is not None


def test_one_that_must_last_notices_later() -> None:
    names = ("calibration_gap", "calibration_gap, 3 of 5")
    at_once, lasting = trigger_evaluation.evaluate_once(
        BROKEN["label shift"], 11, {name: TRIGGER_SETTINGS[name] for name in names}
    ).values()
    assert at_once.delay is not None
    assert lasting.delay == at_once.delay + 2


def test_every_scenario_that_breaks_something_has_a_trigger_that_ought_to_notice() -> None:
    assert all(each.expected_triggers <= TRIGGER_SETTINGS.keys() and each.expected_triggers for each in BROKEN.values())
    assert not NOTHING.expected_triggers | SEASON.expected_triggers


def test_worlds_are_told_together_by_quartiles_and_rates() -> None:
    worlds = [
        DetectionRun(false_alarms=1, nights_before_change=40, delay=4),
        DetectionRun(false_alarms=0, nights_before_change=40, delay=None),
    ]
    assert trigger_evaluation.summarize(BROKEN["label shift"], "calibration_gap, 3 of 5", worlds) == DetectionResult(
        scenario="label shift",
        trigger="calibration_gap, 3 of 5",
        expected=True,
        runs=2,
        detected=1,
        delay=(4.0, 4.0, 4.0),
        false_alarms=1.25,
    )


def test_a_trigger_that_never_asked_has_no_delay() -> None:
    blind = trigger_evaluation.summarize(
        NOTHING, "loss_rise", [DetectionRun(false_alarms=0, nights_before_change=120, delay=None)]
    )
    assert (blind.detected, blind.delay, blind.expected) == (0, None, False)
