"""Layers in a backtest: they see nothing that came later, end with their champion, and never change which model answers."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ml.arrays import Floats
from ml.retraining.backtest import policies, recalibration, simulation
from ml.retraining.backtest.context import BacktestContext
from ml.retraining.backtest.history import TrainedModel
from ml.targets.recalibration import Recalibration
from ml.usecase import Adoption
from ml.usecase.periods import Period
from tests.ml.retraining.backtest import world
from tests.ml.retraining.backtest.world import HISTORY, TRIGGERS, WALKED

PAST = world.past()
SCENE = world.scene(PAST)
DECLARED = Recalibration(every_nights=3, window_nights=8, prior_nights=4, min_rows=60)
LAYER = "+recalibrate:every_nights=3:window_nights=8:prior_nights=4:min_rows=60"
FIRST = world.trained(PAST, SCENE.initial_training)


def served(text: str) -> Floats:
    """Return the scores that a policy answers with."""
    (policy,) = policies.parse(text, TRIGGERS)
    run, trained = world.played(policy, SCENE)
    return simulation.served_scores(run, SCENE, trained)


def layers(model: TrainedModel = FIRST, scene: BacktestContext = SCENE) -> list[recalibration.LayerTerm]:
    return list(recalibration.fit_layers(model, scene.period, DECLARED, scene))


@pytest.mark.parametrize(
    ("policy", "scene"),
    [
        ("never", SCENE),
        ("every@12", SCENE),
        ("hindsight@12", SCENE),
        ("shadow:margin=0.001@12", SCENE),
        ("every@12", world.scene(PAST, gate=True, adoption=Adoption())),
    ],
    ids=["never", "every@12", "hindsight", "shadow", "every@12, gate"],
)
def test_a_layer_changes_scores_but_not_which_model_answers(policy: str, scene: BacktestContext) -> None:
    runs = [world.played(policies.parse(each, TRIGGERS)[0], scene)[0] for each in (policy + LAYER, policy)]
    assert replace(runs[0], policy=runs[1].policy) == runs[1]
    assert not np.array_equal(served(policy + LAYER), served(policy), equal_nan=True)


def test_a_level_that_moves_slowly_is_followed() -> None:
    rows = PAST.rows(SCENE.period.first, SCENE.period.last)
    labels = PAST.labels[rows]
    losses = [world.TARGET.row_loss(labels, served(each)[rows]).mean() for each in ("never" + LAYER, "never")]
    assert losses[0] < losses[1] - 0.005


def test_layers_follow_each_other_without_a_gap() -> None:
    result = layers()
    assert [each.night for each in result] == [world.night(HISTORY - 1 + 3 * k) for k in range(1, WALKED // 3 + 1)]
    assert all(one.last == other.night for one, other in pairwise(result))
    assert result[-1].last == SCENE.period.last
    assert {each.fitted.nights for each in result[3:]} == {DECLARED.window_nights}


def test_a_new_champion_begins_without_a_layer() -> None:
    """Its first layer is fitted after 3 nights, of which too few have matured, and its second after 6."""
    ungated = LAYER + ":gated=0"
    with_layer, without = served("every@8" + ungated), served("every@8")
    changed = np.unique(PAST.nights[(with_layer != without) & ~np.isnan(without)].astype(str))
    ages = {each % 8 for each in range(WALKED) if str(world.night(HISTORY + each)) in changed}
    assert ages == {6, 7}


def test_only_nights_that_the_champion_answered_for_are_fitted_on() -> None:
    late = Period(world.night(HISTORY + 20), SCENE.period.last)
    first = next(recalibration.fit_layers(FIRST, late, replace(DECLARED, every_nights=6), SCENE))
    matured = PAST.matured_nights(first.night, SCENE.case.schedule.cutoff(first.night), SCENE.case.matured_share)
    assert first.night == world.night(HISTORY + 25)
    assert first.fitted.nights == sum(each >= str(late.first) for each in matured) == 5


@pytest.mark.parametrize("late_days", [0.5, 5.0])
def test_labels_that_were_not_known_yet_change_nothing(late_days: float) -> None:
    past = world.past(late_days=late_days)
    cut = world.night(HISTORY + WALKED // 2)
    known = past.known_at <= np.datetime64(SCENE.case.schedule.cutoff(cut).replace(tzinfo=None))
    other = replace(past, labels=np.where(known, past.labels, 1 - past.labels))
    ours, theirs = (layers(scene=world.scene(rows)) for rows in (past, other))
    assert [each for each in ours if each.night <= cut] == [each for each in theirs if each.night <= cut]
    assert ours != theirs


def test_layers_that_are_over_are_left_out_where_only_later_nights_count() -> None:
    since = world.night(HISTORY + 20)
    rows = PAST.rows(since, SCENE.period.last)
    start = PAST.rows(SCENE.period.first, SCENE.period.last).start
    whole, later = (
        recalibration.served_scores(FIRST, SCENE.period, DECLARED, SCENE, *since_)[rows.start - start :]
        for since_ in ((), (since,))
    )
    np.testing.assert_array_equal(whole, later)
    terms = list(recalibration.fit_layers(FIRST, SCENE.period, DECLARED, SCENE, since))
    assert terms == [each for each in layers() if each.last >= since]


def test_triggers_see_the_scores_that_were_answered() -> None:
    late, trained = world.night(HISTORY + 30), {FIRST.training: FIRST}
    facts = []
    for layer in ("", LAYER):
        (policy,) = policies.parse("triggers" + layer, TRIGGERS)
        run = simulation.start(policy, SCENE)
        facts.append(simulation.observe(run, TRIGGERS, late, SCENE, trained))
        scores = simulation.served_scores(run, SCENE, trained)
        first = world.night(HISTORY + 30 - TRIGGERS.window_nights)
        rows = PAST.matured(PAST.rows(first, late), SCENE.case.schedule.cutoff(late), SCENE.case.matured_share)
        assert facts[-1].calibration_gap == pytest.approx(scores[rows].mean() - PAST.labels[rows].mean())
    assert facts[0].calibration_gap != facts[1].calibration_gap
