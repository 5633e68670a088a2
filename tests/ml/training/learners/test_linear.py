import json
from typing import Literal

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ml.scoring.encoder import Encoder
from ml.training.learners import Linear, linear
from ml.usecase import Logistic
from tests.ml.training.learners.test_learners import COUNT, ENCODER, FEATURES, LABELS


def fit(strength: float = 0.001) -> Linear:
    return linear.fit(Logistic(strength=strength), ENCODER, FEATURES, LABELS, None)


def test_the_logistic_weights_are_those_of_scikit_learn_on_the_design() -> None:
    learner = fit(strength=1.0)
    reference = LogisticRegression(C=1.0, tol=1e-8, max_iter=1000).fit(learner.design.matrix(FEATURES), LABELS)
    np.testing.assert_allclose(
        learner.raw(FEATURES), reference.decision_function(learner.design.matrix(FEATURES)), atol=1e-3
    )


def test_a_category_without_levels_tells_nothing() -> None:
    blank = Encoder(levels={"zone": (), "miles": None})
    features = np.column_stack([np.full(COUNT, np.nan), FEATURES[:, 1]])
    learner = linear.fit(Logistic(), blank, features, LABELS, None)
    np.testing.assert_array_equal(learner.raw(features), Linear.load(learner.dump()).raw(features))


def test_a_linear_learner_is_kept_as_json_of_plain_numbers() -> None:
    state = json.loads(fit().dump())
    assert sorted(state) == ["flagged", "intercept", "means", "scales", "sizes", "weights"]
    assert len(state["weights"]) == 3 + 1 + 3


@pytest.mark.parametrize("length", [1, 2, 3, 7, 60])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_row_has_the_same_score_to_the_bit_alone_and_among_others(length: int, order: Literal["C", "F"]) -> None:
    learner, features = fit(), np.asarray(FEATURES, order=order)
    parts = [learner.raw(features[first : first + length]) for first in range(0, COUNT, length)]
    assert np.array_equal(np.concatenate(parts), learner.raw(features))
