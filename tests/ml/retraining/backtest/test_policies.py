"""Policies are read as people type them, and told how when they cannot be."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.errors import RequestError
from ml.retraining.backtest import policies
from ml.retraining.backtest.policies import Hindsight, Policy, Scheduled, Shadow, Triggered
from ml.targets.recalibration import Recalibration
from ml.usecase import Drift, Persistence, RetrainingPrice, Triggers

DECLARED = Triggers(calibration_gap=0.04, new_labels=50_000, window_nights=10, cooldown_nights=5, drift=None)


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("never", Policy(name="never", interval_nights=0)),
        ("every@28", Scheduled(name="every@28", interval_nights=28)),
        ("triggers", Triggered(name="triggers", interval_nights=1, triggers=DECLARED)),
        ("triggers@14", Triggered(name="triggers@14", interval_nights=14, triggers=DECLARED)),
        (
            "triggers:loss_rise=0.1:window_nights=7@14",
            Triggered(
                name="triggers:loss_rise=0.1:window_nights=7@14",
                interval_nights=14,
                triggers=replace(DECLARED, calibration_gap=None, new_labels=None, loss_rise=0.1, window_nights=7),
            ),
        ),
        (
            "triggers:window_nights=7",
            Triggered(name="triggers:window_nights=7", interval_nights=1, triggers=replace(DECLARED, window_nights=7)),
        ),
        (
            "triggers:worth=5000@14",
            Triggered(
                name="triggers:worth=5000@14",
                interval_nights=14,
                triggers=replace(DECLARED, calibration_gap=None, new_labels=None, worth=RetrainingPrice(risk=5000.0)),
            ),
        ),
        ("shadow:margin=0.005@14", Shadow(name="shadow:margin=0.005@14", interval_nights=14, margin=0.005)),
        ("hindsight@7", Hindsight(name="hindsight@7", interval_nights=7)),
        (
            "never+recalibrate",
            Policy(name="never+recalibrate", interval_nights=0, recalibration=Recalibration()),
        ),
        (
            "every@14+recalibrate:window_nights=56:prior_nights=7.5:gated=0",
            Scheduled(
                name="every@14+recalibrate:window_nights=56:prior_nights=7.5:gated=0",
                interval_nights=14,
                recalibration=Recalibration(window_nights=56, prior_nights=7.5, gated=False),
            ),
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_policy_is_read_as_it_is_written(text: str, policy: Policy) -> None:
    assert policies.parse(text, DECLARED) == (policy,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "got none"),
        ("sometimes", "got 'sometimes'"),
        ("never@3", "got 'never@3'"),
        ("every", "got 'every'"),
        ("every@0", "got 'every@0'"),
        ("hindsight:margin=1@3", "got 'hindsight:margin=1@3'"),
        ("shadow@14", "got 'shadow@14'"),
        ("triggers:warmth=0.2", "expected triggers of calibration_gap, .*, got warmth"),
        ("triggers:worth=0", "expected a price above 0, got worth=0 in 'triggers:worth=0'"),
        ("triggers:calibration_gap=0.0.1", "got 'triggers:calibration_gap=0.0.1'"),
        ("never,every@2,never", "got never more than once"),
        ("every@14+", r"got 'every@14\+'"),
        ("every@14+sharpen", r"got 'every@14\+sharpen'"),
        ("+recalibrate", r"got '\+recalibrate'"),
        ("every@14+recalibrate:warmth=1", "expected numbers of every_nights, .*, got warmth"),
        ("every@14+recalibrate:window_nights=2", "window_nights=2 in 'every@14"),
        ("every@14+recalibrate:prior_nights=1.2.3", "got 'every@14"),
    ],
)
def test_what_cannot_be_read_is_told_with_how_it_is_written(text: str, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        policies.parse(text, DECLARED)


def test_drift_asks_where_it_is_named_and_is_not_walked_where_it_is_only_shown() -> None:
    season = Drift(reference="season", season_nights=364, share=0.6)
    shown = replace(DECLARED, drift=season)
    (own, named) = policies.parse("triggers triggers:drift=0.3", shown)
    assert isinstance(own, Triggered)
    assert isinstance(named, Triggered)
    assert own.triggers == DECLARED
    assert named.triggers.drift == replace(season, share=0.3, triggers_retraining=True)
    assert [each.name for each in policies.vary_thresholds(named, (2.0, 4.0), shown)] == ["triggers:drift=0.6"]
    obeyed = replace(DECLARED, drift=replace(season, triggers_retraining=True))
    (own,) = policies.parse("triggers", obeyed)
    assert isinstance(own, Triggered)
    assert own.triggers == obeyed


def test_a_trigger_that_is_switched_off_need_not_last() -> None:
    lasting = replace(DECLARED, persistence=(Persistence(trigger="new_labels", nights=2, out_of=3),))
    (policy,) = policies.parse("triggers:calibration_gap=0.02", lasting)
    assert isinstance(policy, Triggered)
    assert policy.triggers.persistence == ()


def test_policies_are_parted_by_commas_or_blanks() -> None:
    assert [each.name for each in policies.parse("never, every@7 every@9", DECLARED)] == ["never", "every@7", "every@9"]


@given(st.sampled_from(["calibration_gap", "loss_rise"]), st.integers(1, 99), st.integers(1, 30), st.integers(5, 40))
def test_what_is_written_is_read_back_as_the_same_policy(name: str, percent: int, looks: int, window: int) -> None:
    off = dict.fromkeys(policies.THRESHOLDS)
    triggers = replace(DECLARED, **{**off, name: percent / 100, "window_nights": window})
    text = policies.format_policy(triggers, looks, DECLARED)
    assert policies.parse(text, DECLARED) == (Triggered(name=text, interval_nights=looks, triggers=triggers),)


def test_thresholds_are_moved_one_at_a_time() -> None:
    (own,) = policies.parse("triggers@14", DECLARED)
    assert isinstance(own, Triggered)
    assert [each.name for each in policies.vary_thresholds(own, (0.5, 2.0), DECLARED)] == [
        "triggers:calibration_gap=0.02:new_labels=50000@14",
        "triggers:calibration_gap=0.08:new_labels=50000@14",
        "triggers:calibration_gap=0.04:new_labels=25000@14",
        "triggers:calibration_gap=0.04:new_labels=100000@14",
    ]


def test_a_varied_threshold_keeps_the_layer() -> None:
    (own,) = policies.parse("triggers:calibration_gap=0.04@14+recalibrate:prior_nights=14", DECLARED)
    assert isinstance(own, Triggered)
    (varied,) = policies.vary_thresholds(own, (0.5,), DECLARED)
    assert varied.name == "triggers:calibration_gap=0.02@14+recalibrate:prior_nights=14"
    assert varied.recalibration == own.recalibration
    assert policies.parse(varied.name, DECLARED) == (varied,)


def test_a_declared_price_keeps_its_first_age_under_another_total_and_is_not_varied() -> None:
    priced = replace(DECLARED, worth=RetrainingPrice(person_hour=60.0, approval_minutes=60.0, first_age_nights=50))
    own, named, other = policies.parse("triggers triggers:worth=7 triggers:calibration_gap=0.02", priced)
    assert isinstance(own, Triggered)
    assert isinstance(named, Triggered)
    assert isinstance(other, Triggered)
    assert own.triggers == priced
    assert named.triggers.worth == RetrainingPrice(risk=7.0, first_age_nights=50)
    assert other.triggers.worth is None
    assert policies.format_policy(named.triggers, 1, priced) == "triggers:worth=7"
    assert list(policies.vary_thresholds(named, (0.5, 2.0), priced)) == []
