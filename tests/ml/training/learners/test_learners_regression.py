"""Every learner that answers with a number: the quantile asked for, the same alone and among others, kept as text."""

import numpy as np
import pytest
from sklearn.neural_network import MLPRegressor

from ml.metrics import quantile as quantile_metrics
from ml.statistics import quantiles
from ml.training import learners
from ml.training.learners import Learner, Network
from ml.usecase import Candidate, GradientBoosting, LinearQuantile, NeuralNet
from tests.ml.training.learners.test_learners import COUNT, ENCODER, FEATURES

CHANCE = np.random.default_rng(6)
EXPECTED = 10 * FEATURES[:, 0] + 3 * FEATURES[:, 1]
LABELS = EXPECTED + CHANCE.gamma(2, 2, COUNT)
CANDIDATES: list[Candidate] = [
    LinearQuantile(penalty=0.001),
    GradientBoosting(trees=80, leaves=6, rows_per_leaf=10, learning_rate=0.2, feature_share=1.0, row_share=1.0),
    NeuralNet(layers=(16,), epochs=80, batch=32, learning_rate=0.01),
]
EACH = pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda each: each.name)


def fit(candidate: Candidate, quantile: float = 0.5, seed: int = 1, threads: int = 1) -> Learner:
    return learners.fit(candidate, ENCODER, FEATURES, LABELS, seed, threads, quantile=quantile)


@EACH
@pytest.mark.parametrize("quantile", [0.2, 0.5, 0.8])
def test_a_learner_answers_with_the_quantile_asked_for_and_better_than_a_constant(
    candidate: Candidate, quantile: float
) -> None:
    answers = fit(candidate, quantile).raw(FEATURES)
    assert (answers >= LABELS).mean() == pytest.approx(quantile, abs=0.07)
    constant = np.full(COUNT, quantiles.weighted_quantile(LABELS, quantile))
    assert quantile_metrics.pinball(LABELS, answers, quantile) < 0.5 * quantile_metrics.pinball(
        LABELS, constant, quantile
    )


@EACH
def test_a_learner_reads_back_to_the_same_numbers(candidate: Candidate) -> None:
    learner = fit(candidate)
    again = learners.load(learner.kind, learner.dump())
    np.testing.assert_array_equal(again.raw(FEATURES), learner.raw(FEATURES))
    assert again.dump() == learner.dump()


@EACH
def test_a_row_is_answered_the_same_alone_as_among_others(candidate: Candidate) -> None:
    learner = fit(candidate)
    alone = np.concatenate([learner.raw(FEATURES[[i]]) for i in range(COUNT)])
    np.testing.assert_allclose(alone, learner.raw(FEATURES), rtol=0, atol=1e-12)


@EACH
def test_the_same_seed_learns_the_same_text(candidate: Candidate) -> None:
    assert fit(candidate).dump() == fit(candidate).dump()


@EACH
def test_rows_that_weigh_more_are_fitted_closer(candidate: Candidate) -> None:
    """The weighty half of the rows says a hundred more than the others, whatever their features."""
    heavy = np.arange(COUNT) % 2 == 0
    weighed = learners.fit(
        candidate, ENCODER, FEATURES, LABELS + 100 * heavy, 1, 1, np.where(heavy, 1.9, 0.1), quantile=0.5
    )
    assert (weighed.raw(FEATURES) - LABELS).mean() > 60


@EACH
def test_a_row_of_which_nothing_is_known_has_an_answer(candidate: Candidate) -> None:
    assert np.isfinite(fit(candidate).raw(np.full((1, 4), np.nan))).all()


@pytest.mark.filterwarnings("ignore:.*hasn't converged")
def test_a_net_answers_as_scikit_learns_does_but_for_one_constant() -> None:
    candidate = NeuralNet(layers=(8, 4), epochs=20, batch=32, learning_rate=0.01)
    learner = fit(candidate)
    assert isinstance(learner, Network)
    reference = MLPRegressor(
        hidden_layer_sizes=(8, 4),
        alpha=candidate.penalty,
        batch_size=32,
        learning_rate_init=0.01,
        max_iter=20,
        n_iter_no_change=20,
        random_state=1,
    )
    matrix = learner.design.matrix(FEATURES)
    expected = reference.fit(matrix, (LABELS - LABELS.mean()) / LABELS.std()).predict(matrix) * LABELS.std()
    moved = learner.raw(FEATURES) - expected
    np.testing.assert_allclose(moved, moved[0], atol=1e-9)


def test_labels_that_never_vary_are_answered_by_what_they_are() -> None:
    flat = learners.fit(CANDIDATES[2], ENCODER, FEATURES, np.full(COUNT, 5.0), 1, 1, quantile=0.5)
    np.testing.assert_allclose(flat.raw(FEATURES), 5.0, atol=0.5)
