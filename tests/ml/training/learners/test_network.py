import json

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from ml.training.learners import network
from ml.usecase import NeuralNet
from tests.ml.training.learners.test_learners import ENCODER, FEATURES, LABELS

NET = NeuralNet(layers=(8, 4), epochs=20, batch=32, learning_rate=0.01)


@pytest.mark.filterwarnings("ignore:.*hasn't converged")
def test_the_answers_are_those_of_scikit_learn_on_the_design() -> None:
    learner = network.fit(NET, ENCODER, FEATURES, LABELS, None, seed=1)
    reference = MLPClassifier(
        (8, 4),
        alpha=NET.penalty,
        batch_size=32,
        learning_rate_init=0.01,
        max_iter=20,
        n_iter_no_change=20,
        random_state=1,
    )
    matrix = learner.design.matrix(FEATURES)
    expected = reference.fit(matrix, LABELS).predict_proba(matrix)[:, 1]
    np.testing.assert_allclose(1 / (1 + np.exp(-learner.raw(FEATURES))), expected, atol=1e-12)


def test_a_net_is_kept_as_json_of_plain_numbers() -> None:
    state = json.loads(network.fit(NET, ENCODER, FEATURES, LABELS, None, seed=1).dump())
    assert [np.shape(weights) for weights, _ in state["layers"]] == [(7, 8), (8, 4), (4, 1)]
