import lightgbm
import numpy as np

from ml.learners import trees
from ml.usecase import GradientBoosting
from tests.ml.learners.test_learners import ENCODER, FEATURES, LABELS


def test_the_parameters_reach_lightgbm() -> None:
    candidate = GradientBoosting(trees=4, leaves=3, rows_per_leaf=10, learning_rate=0.2)
    booster = lightgbm.Booster(model_str=trees.fit(candidate, ENCODER, FEATURES, LABELS, None, 1, 1).text)
    told = booster.dump_model()
    assert len(told["tree_info"]) == 4
    assert max(tree["num_leaves"] for tree in told["tree_info"]) == 3
    text = trees.fit(candidate, ENCODER, FEATURES, LABELS, None, 1, 1).text
    assert "[extra_trees: 0]" in text
    assert "[learning_rate: 0.2]" in text


def test_categories_are_split_as_categories() -> None:
    text = trees.fit(GradientBoosting(trees=5, rows_per_leaf=5), ENCODER, FEATURES, LABELS, None, 1, 1).text
    assert "cat_threshold" in text
    assert np.isfinite(trees.Trees(text=text).raw(FEATURES)).all()
