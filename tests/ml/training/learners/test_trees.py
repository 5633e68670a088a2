from concurrent.futures import ThreadPoolExecutor

import lightgbm
import numpy as np
import pytest

from ml.training.learners import trees
from ml.usecase import GradientBoosting
from tests.ml.training.learners.test_learners import ENCODER, FEATURES, LABELS


def test_the_parameters_reach_lightgbm() -> None:
    candidate = GradientBoosting(trees=4, leaves=3, rows_per_leaf=10, learning_rate=0.2)
    booster = lightgbm.Booster(model_str=trees.fit(candidate, ENCODER, FEATURES, LABELS, None, 1, 1).text)
    reported = booster.dump_model()
    assert len(reported["tree_info"]) == 4
    assert max(tree["num_leaves"] for tree in reported["tree_info"]) == 3
    text = trees.fit(candidate, ENCODER, FEATURES, LABELS, None, 1, 1).text
    assert "[extra_trees: 0]" in text
    assert "[learning_rate: 0.2]" in text


def test_categories_are_split_as_categories() -> None:
    text = trees.fit(GradientBoosting(trees=5, rows_per_leaf=5), ENCODER, FEATURES, LABELS, None, 1, 1).text
    assert "cat_threshold" in text
    assert np.isfinite(trees.Trees(text=text).raw(FEATURES)).all()


def test_one_row_gets_the_sum_that_it_gets_among_others_to_the_last_bit() -> None:
    learner = trees.fit(GradientBoosting(trees=30, rows_per_leaf=5), ENCODER, FEATURES, LABELS, None, 1, 1)
    missing = np.where(np.random.default_rng(1).random(FEATURES.shape) < 0.3, np.nan, FEATURES)
    for features in (FEATURES, missing, np.asfortranarray(FEATURES)):
        together = learner.raw(features)
        alone = [learner.raw(features[[place]])[0] for place in range(len(features))]
        assert together.tolist() == alone


def test_threads_that_ask_at_once_do_not_mix_their_rows() -> None:
    learner = trees.fit(GradientBoosting(trees=30, rows_per_leaf=5), ENCODER, FEATURES, LABELS, None, 1, 1)
    together = learner.raw(FEATURES).tolist()
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(lambda place=place: learner.raw(FEATURES[[place]])[0]) for place in range(len(FEATURES))]
    assert [each.result() for each in asked] == together


def test_a_row_of_another_width_is_refused_before_memory_is_read() -> None:
    learner = trees.fit(GradientBoosting(trees=5, rows_per_leaf=5), ENCODER, FEATURES, LABELS, None, 1, 1)
    with pytest.raises(ValueError, match="expected .* features, got 1"):
        learner.raw(FEATURES[:1, :1])
