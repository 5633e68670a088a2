"""Worlds whose truth is known are what they say: the champion is right until something happens, and only that is different."""

import numpy as np
import pandas as pd
import pytest

from ml.retraining.backtest import synthetic_scenarios
from ml.retraining.backtest.synthetic_scenarios import CHANGE_NIGHT, NIGHTS_BEFORE, ROWS_PER_NIGHT, SCENARIOS, Scenario

BROKEN = (NIGHTS_BEFORE + CHANGE_NIGHT) * ROWS_PER_NIGHT
BY_NAME = {each.name: each for each in SCENARIOS}


def gaps(name: str, seed: int = 1) -> tuple[float, float]:
    """Return how far the mean score lies above the mean label before the break, and after it."""
    scene, champion = synthetic_scenarios.build_context(BY_NAME[name], seed)
    apart = champion.scores - scene.history.labels
    return float(apart[:BROKEN].mean()), float(apart[BROKEN:].mean())


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
def test_the_champion_is_right_until_something_happens(scenario: Scenario) -> None:
    scene, champion = synthetic_scenarios.build_context(scenario, 1)
    assert abs(gaps(scenario.name)[0]) < 0.01
    assert champion.loss == pytest.approx(
        champion.target.row_loss(scene.history.labels[:BROKEN], champion.scores[:BROKEN]).mean(), rel=0.1
    )


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("nothing", -0.02, 0.02),
        ("covariate shift", -0.02, 0.02),
        ("concept shift", -0.02, 0.02),
        ("label shift", -1.0, -0.1),
        ("a slow leak", -1.0, -0.05),
        ("a feature in another unit", 0.05, 1.0),
    ],
)
def test_what_happens_is_what_its_name_says(name: str, least: float, most: float) -> None:
    assert least <= gaps(name)[1] <= most


def test_a_label_shift_leaves_the_rows_of_either_label_as_they_were() -> None:
    scene, _ = synthetic_scenarios.build_context(BY_NAME["label shift"], 2)
    assert scene.history.features is not None
    frame = scene.history.features.assign(
        label=scene.history.labels, after=np.arange(len(scene.history.labels)) >= BROKEN
    )
    means = frame.groupby(["label", "after"])["load"].mean().unstack()
    assert (means[True] - means[False]).abs().max() < 0.5


@pytest.mark.parametrize(
    ("name", "shows"),
    [
        ("a feature is constant", lambda column: column.nunique() == 1),
        ("a feature half missing", lambda column: 0.45 < column.isna().mean() < 0.55),
        ("a feature in another unit", lambda column: 15 < column.median() < 17),
    ],
)
def test_a_broken_feature_breaks_as_it_comes_in_and_not_before(name: str, shows: object) -> None:
    assert callable(shows)
    features = synthetic_scenarios.build_context(BY_NAME[name], 1)[0].history.features
    assert features is not None
    assert shows(features["distance"].iloc[BROKEN:])
    assert not shows(features["distance"].iloc[:BROKEN])


def test_a_seed_makes_the_same_world_again_and_another_another() -> None:
    one, same, other = (synthetic_scenarios.build_context(BY_NAME["nothing"], seed)[0].history for seed in (1, 1, 2))
    assert one.features is not None
    assert same.features is not None
    pd.testing.assert_frame_equal(one.features, same.features)
    assert (one.labels == same.labels).all()
    assert (one.labels != other.labels).any()
