"""Expected performance, held against labels that are drawn as the scores say, and against every possible set of them."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.metrics import estimation, probability
from ml.usecase import Cost

COST = Cost(act=2, miss=10, averted=0.5)
PROBABILITIES = st.lists(st.sampled_from([0.01, 0.2, 0.39, 0.4, 0.41, 0.7, 0.99]), min_size=1, max_size=8)


def seen(labels: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    return {
        "log_loss": probability.log_loss(labels, scores),
        "brier": probability.brier(labels, scores),
        "label_rate": float(labels.mean()),
        "saved_per_1000": probability.saved_per_1000(labels, scores, COST),
    }


@given(PROBABILITIES)
def test_it_is_the_mean_over_all_labels_weighed_by_their_probability(given: list[float]) -> None:
    scores = np.array(given)
    reported = estimation.estimate_performance(scores, COST)
    totals = dict.fromkeys(reported.keys() - {"auc"}, 0.0)
    for labels in map(np.array, product([0.0, 1.0], repeat=len(scores))):
        weight = np.prod(np.where(labels == 1, scores, 1 - scores))
        for name, value in seen(labels, scores).items():
            totals[name] += weight * value
    assert {name: reported[name].value for name in totals} == pytest.approx(totals, abs=1e-9)


@given(PROBABILITIES)
def test_the_area_counts_every_pair_of_different_rows(given: list[float]) -> None:
    right = pairs = 0.0
    for (i, one), (j, other) in product(enumerate(given), repeat=2):
        if i != j:
            weight = one * (1 - other)
            pairs += weight
            right += weight * (0.5 if one == other else one > other)
    result = estimation.expected_auc(np.array(given))
    assert result == (pytest.approx(right / pairs) if pairs else None)


def test_labels_drawn_by_the_scores_fall_into_the_interval_as_often_as_promised() -> None:
    chance = np.random.default_rng(3)
    scores = chance.beta(1, 4, 400)
    reported = estimation.estimate_performance(scores, COST)
    inside = dict.fromkeys(reported.keys() - {"auc"}, 0)
    for _ in range(1000):
        for name, value in seen((chance.uniform(size=400) < scores).astype(float), scores).items():
            low, high = reported[name].low, reported[name].high
            assert low is not None
            assert high is not None
            inside[name] += low <= value <= high
    assert all(920 <= each <= 980 for each in inside.values()), inside


def test_the_area_is_what_many_drawn_labels_come_to() -> None:
    chance = np.random.default_rng(5)
    scores = chance.beta(1, 3, 5000)
    result = [probability.auc((chance.uniform(size=5000) < scores).astype(float), scores) for _ in range(50)]
    assert np.mean(np.array(result, float)) == pytest.approx(estimation.expected_auc(scores), abs=0.004)


def test_nothing_is_expected_of_nothing() -> None:
    assert estimation.estimate_performance(np.array([]), COST) == {}
    assert estimation.expected_auc(np.array([1.0, 1.0])) is None
