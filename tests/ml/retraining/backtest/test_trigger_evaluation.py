"""Each thing that breaks is noticed by what ought to, and where nothing breaks nobody is called: one world of each."""

import pytest

from ml.retraining.backtest import synthetic_scenarios, trigger_evaluation
from ml.retraining.backtest.synthetic_scenarios import SCENARIOS
from ml.retraining.backtest.trigger_evaluation import WATCHES, Noticed, Watched

NOTHING, SEASON = SCENARIOS[:2]
BROKEN = {each.name: each for each in SCENARIOS[2:]}
CHEAP = {name: WATCHES[name] for name in ("calibration_gap", "loss_surprise")}


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
    assert trigger in BROKEN[scenario].ought
    found = trigger_evaluation.watch(BROKEN[scenario], 11, {trigger: WATCHES[trigger]})[trigger]
    assert found.delay is not None
    assert found.delay <= 42
    assert found.false_alarms == 0


def test_where_nothing_happens_nobody_is_called() -> None:
    watches = {name: WATCHES[name] for name in ("calibration_gap", "loss_rise", "loss_surprise", "drift from training")}
    found = trigger_evaluation.watch(NOTHING, 12, watches)
    assert {each.false_alarms for each in found.values()} == {0}
    assert {each.calm for each in found.values()} == {synthetic_scenarios.WALKED}


def test_a_season_is_drift_from_the_training_and_none_from_the_season_before() -> None:
    names = ("drift from training", "drift from the season", "calibration_gap", "loss_surprise")
    found = trigger_evaluation.watch(SEASON, 13, {name: WATCHES[name] for name in names})
    assert found.pop("drift from training").false_alarms > 50
    assert {each.false_alarms for each in found.values()} == {0}


def test_a_concept_that_turned_round_is_not_seen_by_the_calibration_gap() -> None:
    """The mean is right, and every single answer wrong: that is what a loss is for."""
    found = trigger_evaluation.watch(BROKEN["concept shift"], 11, CHEAP)
    assert found["calibration_gap"].delay is None
    assert found["loss_surprise"].delay is not None


def test_one_that_must_last_notices_later() -> None:
    names = ("calibration_gap", "calibration_gap, 3 of 5")
    at_once, lasting = trigger_evaluation.watch(
        BROKEN["label shift"], 11, {name: WATCHES[name] for name in names}
    ).values()
    assert at_once.delay is not None
    assert lasting.delay == at_once.delay + 2


def test_every_scenario_that_breaks_something_has_a_trigger_that_ought_to_notice() -> None:
    assert all(each.ought <= WATCHES.keys() and each.ought for each in BROKEN.values())
    assert not NOTHING.ought | SEASON.ought


def test_worlds_are_told_together_by_quartiles_and_rates() -> None:
    worlds = [Watched(false_alarms=1, calm=40, delay=4), Watched(false_alarms=0, calm=40, delay=None)]
    assert trigger_evaluation.summed(BROKEN["label shift"], "calibration_gap, 3 of 5", worlds) == Noticed(
        scenario="label shift",
        trigger="calibration_gap, 3 of 5",
        ought=True,
        worlds=2,
        found=1,
        delay=(4.0, 4.0, 4.0),
        false_alarms=1.25,
    )


def test_a_trigger_that_never_asked_has_no_delay() -> None:
    blind = trigger_evaluation.summed(NOTHING, "loss_rise", [Watched(false_alarms=0, calm=120, delay=None)])
    assert (blind.found, blind.delay, blind.ought) == (0, None, False)
