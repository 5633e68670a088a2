import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ml import learners
from ml.arrays import Floats
from ml.encoding import Encoder
from ml.learners import Learner, Linear
from ml.usecase import Candidate, GradientBoosting, Logistic

ENCODER = Encoder(levels={"zone": ("a", "b", "c"), "miles": None, "gap": None, "same": None})
CHANCE = np.random.default_rng(5)
COUNT = 300
FEATURES = np.column_stack(
    [CHANCE.integers(0, 3, COUNT), CHANCE.normal(5, 2, COUNT), CHANCE.normal(size=COUNT), np.ones(COUNT)]
).astype(np.float64)
FEATURES[::7, 2] = np.nan
LABELS = (CHANCE.random(COUNT) < 1 / (1 + np.exp(3 - FEATURES[:, 0] - FEATURES[:, 1] / 3))).astype(np.float64)
TREES = GradientBoosting(trees=10, leaves=4, rows_per_leaf=10)
BOTH = pytest.mark.parametrize("candidate", [Logistic(), TREES], ids=lambda each: each.name)


def fit(candidate: Candidate, seed: int = 1, threads: int = 1) -> Learner:
    return learners.fit(candidate, ENCODER, FEATURES, LABELS, seed, threads)


def row(**changes: float) -> Floats:
    return np.array([[{"zone": 0.0, "miles": 5.0, "gap": 0.0, "same": 1.0, **changes}[name] for name in ENCODER.names]])


@BOTH
def test_a_learner_reads_back_to_the_same_numbers(candidate: Candidate) -> None:
    learner = fit(candidate)
    again = learners.load(learner.kind, learner.dump())
    np.testing.assert_array_equal(again.log_odds(FEATURES), learner.log_odds(FEATURES))
    assert again.dump() == learner.dump()


@BOTH
def test_a_learner_puts_what_is_likelier_above(candidate: Candidate) -> None:
    log_odds = fit(candidate).log_odds(FEATURES)
    assert log_odds[LABELS == 1].mean() > log_odds[LABELS == 0].mean()


@BOTH
def test_a_row_scores_the_same_alone_as_among_others(candidate: Candidate) -> None:
    learner = fit(candidate)
    alone = np.concatenate([learner.log_odds(FEATURES[[i]]) for i in range(COUNT)])
    np.testing.assert_allclose(alone, learner.log_odds(FEATURES), rtol=0, atol=1e-12)


@BOTH
def test_a_row_of_which_nothing_is_known_has_a_score(candidate: Candidate) -> None:
    assert np.isfinite(fit(candidate).log_odds(np.full((1, 4), np.nan))).all()


@BOTH
def test_no_rows_have_no_scores(candidate: Candidate) -> None:
    assert fit(candidate).log_odds(FEATURES[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("candidate", "seed", "threads"),
    [
        pytest.param(Logistic(), 1, 1, id="logistic, again"),
        pytest.param(Logistic(), 2, 2, id="logistic, another seed and thread count"),
        pytest.param(TREES, 1, 1, id="trees, again"),
    ],
)
def test_the_same_seed_learns_the_same_text(candidate: Candidate, seed: int, threads: int) -> None:
    assert fit(candidate, seed, threads).dump() == fit(candidate, 1, 1).dump()


def test_another_seed_grows_other_trees() -> None:
    assert fit(TREES, seed=2).dump() != fit(TREES, seed=1).dump()


def test_the_logistic_weights_are_those_of_scikit_learn_on_the_design() -> None:
    learner = fit(Logistic(strength=1.0))
    assert isinstance(learner, Linear)
    reference = LogisticRegression(C=1.0, tol=1e-8, max_iter=1000).fit(learner.design(FEATURES), LABELS)
    np.testing.assert_allclose(
        learner.log_odds(FEATURES), reference.decision_function(learner.design(FEATURES)), atol=1e-3
    )


def test_a_missing_number_is_its_mean_and_flagged_where_training_had_gaps() -> None:
    learner = fit(Logistic())
    assert isinstance(learner, Linear)
    assert learner.flagged.tolist() == [False, True, False]
    np.testing.assert_array_equal(learner.design(row(gap=np.nan))[0, 1:4], [0, 0, 1])


def test_an_unseen_level_is_none_of_the_levels() -> None:
    learner = fit(Logistic())
    assert isinstance(learner, Linear)
    np.testing.assert_array_equal(learner.design(row(zone=1))[0, -3:], [0, 1, 0])
    np.testing.assert_array_equal(learner.design(row(zone=np.nan))[0, -3:], [0, 0, 0])


def test_a_number_that_never_varies_is_not_divided_by_nothing() -> None:
    learner = fit(Logistic())
    assert isinstance(learner, Linear)
    assert learner.scales[2] == 1
    assert np.isfinite(learner.log_odds(row(same=7))).all()


def test_a_category_without_levels_tells_nothing() -> None:
    blank = Encoder(levels={"zone": (), "miles": None})
    features = np.column_stack([np.full(COUNT, np.nan), FEATURES[:, 1]])
    learner = learners.fit(Logistic(), blank, features, LABELS, 1, 1)
    np.testing.assert_array_equal(
        learner.log_odds(features), learners.load("linear", learner.dump()).log_odds(features)
    )


def test_a_linear_learner_is_kept_as_json_of_plain_numbers() -> None:
    state = json.loads(fit(Logistic()).dump())
    assert sorted(state) == ["flagged", "intercept", "means", "scales", "sizes", "weights"]
    assert len(state["weights"]) == 3 + 1 + 3


def test_random_splits_grow_other_trees_and_the_same_ones_twice() -> None:
    plain, drawn, again = (
        fit(GradientBoosting(trees=5, leaves=4, rows_per_leaf=5, random_splits=on)) for on in (False, True, True)
    )
    assert drawn.dump() != plain.dump()
    assert drawn.dump() == again.dump()
