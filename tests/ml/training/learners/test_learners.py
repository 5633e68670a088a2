import numpy as np
import pytest

from ml.scoring.encoder import Encoder
from ml.training import learners
from ml.training.learners import Learner
from ml.usecase import Candidate, GradientBoosting, Logistic, NeuralNet

ENCODER = Encoder(levels={"zone": ("a", "b", "c"), "miles": None, "gap": None, "same": None})
CHANCE = np.random.default_rng(5)
COUNT = 300
FEATURES = np.column_stack(
    [CHANCE.integers(0, 3, COUNT), CHANCE.normal(5, 2, COUNT), CHANCE.normal(size=COUNT), np.ones(COUNT)]
).astype(np.float64)
FEATURES[::7, 2] = np.nan
LABELS = (CHANCE.random(COUNT) < 1 / (1 + np.exp(3 - FEATURES[:, 0] - FEATURES[:, 1] / 3))).astype(np.float64)
TREES = GradientBoosting(trees=10, leaves=4, rows_per_leaf=10)
NET = NeuralNet(layers=(8, 4), epochs=20, batch=32, learning_rate=0.01)
EACH = pytest.mark.parametrize("candidate", [Logistic(), TREES, NET], ids=lambda each: each.name)


def fit(candidate: Candidate, seed: int = 1, threads: int = 1) -> Learner:
    return learners.fit(candidate, ENCODER, FEATURES, LABELS, seed, threads)


@EACH
def test_a_learner_reads_back_to_the_same_numbers(candidate: Candidate) -> None:
    learner = fit(candidate)
    again = learners.load(learner.kind, learner.dump())
    np.testing.assert_array_equal(again.raw(FEATURES), learner.raw(FEATURES))
    assert again.dump() == learner.dump()


@EACH
def test_a_learner_puts_what_is_likelier_above(candidate: Candidate) -> None:
    log_odds = fit(candidate).raw(FEATURES)
    assert log_odds[LABELS == 1].mean() > log_odds[LABELS == 0].mean()


@EACH
def test_a_row_scores_the_same_alone_as_among_others(candidate: Candidate) -> None:
    learner = fit(candidate)
    alone = np.concatenate([learner.raw(FEATURES[[i]]) for i in range(COUNT)])
    np.testing.assert_allclose(alone, learner.raw(FEATURES), rtol=0, atol=1e-12)


@EACH
def test_a_row_of_which_nothing_is_known_has_a_score(candidate: Candidate) -> None:
    assert np.isfinite(fit(candidate).raw(np.full((1, 4), np.nan))).all()


@EACH
def test_no_rows_have_no_scores(candidate: Candidate) -> None:
    assert fit(candidate).raw(FEATURES[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("candidate", "seed", "threads"),
    [
        pytest.param(Logistic(), 1, 1, id="logistic, again"),
        pytest.param(Logistic(), 2, 2, id="logistic, another seed and thread count"),
        pytest.param(TREES, 1, 1, id="trees, again"),
        pytest.param(NET, 1, 1, id="net, again"),
        pytest.param(NET, 1, 2, id="net, another thread count"),
    ],
)
def test_the_same_seed_learns_the_same_text(candidate: Candidate, seed: int, threads: int) -> None:
    assert fit(candidate, seed, threads).dump() == fit(candidate, 1, 1).dump()


def test_another_seed_grows_other_trees() -> None:
    assert fit(TREES, seed=2).dump() != fit(TREES, seed=1).dump()


def test_another_seed_starts_another_net() -> None:
    assert fit(NET, seed=2).dump() != fit(NET, seed=1).dump()


@EACH
def test_rows_that_weigh_more_are_fitted_closer(candidate: Candidate) -> None:
    """Where the weighty rows say the opposite of the others, the fit says what they say."""
    heavy = FEATURES[:, 1] > np.median(FEATURES[:, 1])
    labels = heavy.astype(np.float64)
    weights = np.where(heavy, 100.0, 0.01)
    weighed = learners.fit(candidate, ENCODER, FEATURES, labels, 1, 1, weights)
    plain = learners.fit(candidate, ENCODER, FEATURES, labels, 1, 1)
    assert weighed.raw(FEATURES).mean() > plain.raw(FEATURES).mean()


@EACH
def test_equal_weights_change_nothing(candidate: Candidate) -> None:
    weighed = learners.fit(candidate, ENCODER, FEATURES, LABELS, 1, 1, np.ones(COUNT))
    np.testing.assert_allclose(weighed.raw(FEATURES), fit(candidate).raw(FEATURES), atol=1e-6)


def test_random_splits_grow_other_trees_and_the_same_ones_twice() -> None:
    plain, drawn, again = (
        fit(GradientBoosting(trees=5, leaves=4, rows_per_leaf=5, random_splits=on)) for on in (False, True, True)
    )
    assert drawn.dump() != plain.dump()
    assert drawn.dump() == again.dump()
