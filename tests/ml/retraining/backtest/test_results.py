"""Differences are told where they are shown, and intervals hold what they should as often as they say."""

import math
from dataclasses import replace

import numpy as np
import pytest

from ml.retraining.backtest import policies, results
from ml.retraining.backtest.history import TrainedModel
from ml.retraining.backtest.results import PolicyDifference
from ml.statistics.intervals import Interval
from ml.usecase import Demo, Night
from ml.usecase.periods import parse
from tests.ml.retraining.backtest import world
from tests.ml.retraining.backtest.world import TRIGGERS

PAST = world.past()
SCENE = world.scene(PAST)


def difference(low: float, high: float) -> PolicyDifference:
    interval = Interval(value=(low + high) / 2 if math.isfinite(low) else 1.0, low=low, high=high)
    return PolicyDifference(first="never", second="every@28", loss=interval, saved=interval)


@pytest.mark.parametrize(
    ("low", "high", "reported"),
    [
        (0.001, 0.01, "every@28 is better than never"),
        (-0.01, -0.001, "never is better than every@28"),
        (-0.001, 0.01, "no difference shown"),
        (0.0, 0.01, "no difference shown"),
        (-math.inf, math.inf, "no difference shown"),
        (math.nan, math.nan, "no difference shown"),
    ],
    ids=["gain", "loss", "holds 0", "touches 0", "one block", "missing"],
)
def test_a_difference_whose_interval_holds_zero_is_not_called_one(low: float, high: float, reported: str) -> None:
    assert difference(low, high).summary == reported


def measured(text: str) -> results.Results:
    grown = {}
    walks = []
    for policy in policies.parse(text, TRIGGERS):
        walk, grown = world.played(policy, SCENE, grown)
        walks.append(walk)
    return results.measure(walks, SCENE, grown, 0.95)


def test_every_two_policies_are_compared_and_stretches_add_up_to_the_whole() -> None:
    result = measured("never,every@6,triggers")
    assert len(result.differences) == 3
    for each in result.policies:
        rows = np.array([stretch.rows for stretch in each.blocks])
        losses = np.array([stretch.loss for stretch in each.blocks])
        assert rows.sum() == result.rows
        assert (rows * losses).sum() / result.rows == pytest.approx(each.quality.loss)


def test_a_difference_is_that_of_the_two_losses_and_the_other_way_round_its_negative() -> None:
    one, other = measured("never,every@6"), measured("every@6,never")
    (there,), (back,) = one.differences, other.differences
    never, scheduled = one.policies
    assert there.loss.value == pytest.approx(never.quality.loss - scheduled.quality.loss)
    assert there.saved.value == pytest.approx(never.quality.saved_per_1000 - scheduled.quality.saved_per_1000)
    assert (back.loss.value, back.loss.low) == pytest.approx((-there.loss.value, -there.loss.high))


def test_numbers_of_a_policy_do_not_depend_on_who_else_is_measured() -> None:
    alone, among = measured("triggers"), measured("never,every@6,triggers")
    assert alone.policies[0] == among.policies[-1]


def test_rows_without_a_label_are_in_no_number() -> None:
    rows = PAST.rows(SCENE.period.first, SCENE.period.first)
    labels = PAST.labels.copy()
    labels[rows] = np.nan
    past = replace(PAST, labels=labels)
    scene = world.scene(past)
    walk, grown = world.played(policies.parse("never", TRIGGERS)[0], scene)
    assert results.measure([walk], scene, grown, 0.95).rows == len(PAST.nights[PAST.rows(*SCENE_ENDS)]) - world.A_NIGHT


SCENE_ENDS = (SCENE.period.first, SCENE.period.last)


def test_blocks_are_weeks_of_nights_and_months_where_a_night_is_a_month() -> None:
    assert len(set(results.block_starts(PAST.nights[PAST.rows(*SCENE_ENDS)], SCENE))) == -(-world.WALKED // 7)
    rehearsal = Demo(history="2023-01-01..2023-12-01", nights="2024-01-01..2024-04-01")
    monthly = replace(SCENE.case, horizons=(Night(hour=2, timezone="UTC", every="month"),), demo=rehearsal)
    scene = replace(SCENE, case=monthly, period=parse("2024-01-01..2024-04-01"))
    nights = np.array(["2024-01-01", "2024-02-01", "2024-04-01"], object)
    assert results.block_starts(nights, scene).tolist() == nights.tolist()


def test_intervals_by_week_hold_no_difference_as_often_as_they_say() -> None:
    """Neither of two models is better, but each has its weeks: nights are not the sample then, weeks are."""
    chance, trials, weeks = np.random.default_rng(5), 200, 26
    week = np.repeat([f"{each:02d}" for each in range(weeks)], 7).astype(object)
    night = np.array([f"{each:03d}" for each in range(7 * weeks)], object)
    held = dict.fromkeys(("week", "night"), 0)
    for _ in range(trials):
        likely = np.repeat(chance.uniform(0.3, 0.7, weeks), 7)
        labels = (chance.random(len(week)) < likely).astype(np.float64)
        scores = (("one", np.full(len(week), 0.4)), ("other", np.full(len(week), 0.6)))
        for name, blocks in (("week", week), ("night", night)):
            held[name] += not results.is_significant(results.compare(*scores, labels, blocks, world.TARGET, 0.95).loss)
    assert 0.91 <= held["week"] / trials <= 0.99
    assert held["night"] < held["week"]


def test_the_first_model_is_what_all_are_measured_by() -> None:
    walk, grown = world.played(policies.parse("every@6", TRIGGERS)[0], SCENE)
    dearer = replace(world.TARGET, cost=replace(world.TARGET.cost, miss=500))
    others = {
        training: each
        if training == SCENE.initial_training or not isinstance(each, TrainedModel)
        else replace(each, target=dearer)
        for training, each in grown.items()
    }
    assert results.measure([walk], SCENE, others, 0.95) == results.measure([walk], SCENE, grown, 0.95)


def test_the_prices_are_those_that_policies_declare() -> None:
    assert measured("never,triggers").prices == ()
    assert measured("never,triggers:worth=9@6,triggers:worth=5@6").prices == (5.0, 9.0)
