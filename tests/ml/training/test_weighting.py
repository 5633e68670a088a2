import numpy as np
import pytest

from ml.training import fitting, weighting
from ml.usecase import Candidate, GradientBoosting, Logistic, NeuralNet, Recency
from tests.ml.answers import YES_OR_NO
from tests.ml.training.test_fitting import FRAME, LABELS, NAMES, NIGHTS

WEIGHTY = [
    Logistic(strength=1.0, positive_weight=9.0),
    GradientBoosting(trees=30, leaves=4, rows_per_leaf=10, positive_weight=9.0),
    NeuralNet(layers=(8,), epochs=60, batch=32, positive_weight=9.0),
]


def test_rows_count_alike_unless_something_says_otherwise() -> None:
    assert weighting.row_weights(Logistic(), None, LABELS, NIGHTS) is None


def test_the_newest_night_counts_twice_as_much_as_one_a_half_life_older() -> None:
    weights = weighting.row_weights(Logistic(), Recency(half_life_nights=3), LABELS, NIGHTS)
    assert weights is not None
    assert weights.mean() == pytest.approx(1.0)
    assert weights[NIGHTS == "2013-01-12"][0] == pytest.approx(2 * weights[NIGHTS == "2013-01-09"][0])


def test_rows_with_the_label_yes_weigh_what_the_candidate_says() -> None:
    weights = weighting.row_weights(
        Logistic(positive_weight=4.0), None, np.array([0.0, 1.0]), np.array(["a", "a"], object)
    )
    assert weights is not None
    assert weights.tolist() == [0.4, 1.6]


@pytest.mark.parametrize("candidate", WEIGHTY, ids=lambda each: each.name)
def test_probabilities_mean_what_they_say_however_much_a_yes_weighs(candidate: Candidate) -> None:
    fitted = fitting.fit(candidate, fitting.prepare(FRAME, LABELS, NIGHTS, NAMES, target=YES_OR_NO, seed=1, threads=1))
    assert fitted.model.predict(FRAME).mean() == pytest.approx(LABELS.mean(), abs=0.08)
    raw = fitted.model.learner.raw(fitted.model.encoder.encode(FRAME))
    assert (1 / (1 + np.exp(-raw))).mean() > LABELS.mean() + 0.1, "the weight does nothing"


def test_older_nights_that_say_otherwise_matter_less_with_a_half_life() -> None:
    """The first half of the nights says the opposite: with a short half-life the model believes the second."""
    turned = np.where(NIGHTS < "2013-01-07", 1 - LABELS, LABELS)
    known, believed = (
        fitting.fit(
            Logistic(strength=1.0),
            fitting.prepare(FRAME, turned, NIGHTS, NAMES, target=YES_OR_NO, seed=1, threads=1, recency=recency),
        ).model.predict(FRAME)
        for recency in (None, Recency(half_life_nights=1))
    )
    late = NIGHTS >= "2013-01-07"
    assert np.corrcoef(believed[late], LABELS[late])[0, 1] > np.corrcoef(known[late], LABELS[late])[0, 1] + 0.1
