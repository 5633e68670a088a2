"""What retraining was worth is a difference on the same rows, with intervals over blocks of nights."""

import numpy as np
import pytest

from ml.monitoring import retraining_gain
from ml.monitoring.retraining_gain import RetrainingGain
from tests.ml.answers import YES_OR_NO

RNG = np.random.default_rng(7)
NIGHTS = np.repeat([f"2024-03-{day:02}" for day in range(1, 29)], 50).astype(object)
TRUTH = RNG.uniform(0.05, 0.95, len(NIGHTS))
LABELS = (RNG.uniform(size=len(NIGHTS)) < TRUTH).astype(float)


def measure(served: np.ndarray, first: np.ndarray, block_size: int = 7) -> RetrainingGain:
    return retraining_gain.measure(LABELS, served, first, NIGHTS, YES_OR_NO, block_size, 0.95)


def test_scores_that_are_better_gain_and_worse_ones_lose_as_much() -> None:
    flat = np.full(len(TRUTH), LABELS.mean())
    better, worse = measure(TRUTH, flat), measure(flat, TRUTH)
    assert better.loss.low > 0
    assert better.loss.value == pytest.approx(better.first_loss - better.served_loss)
    assert worse.loss.value == pytest.approx(-better.loss.value)
    assert worse.saved.value == pytest.approx(-better.saved.value)
    assert (better.rows, better.nights) == (1400, 28)


def test_the_same_scores_gain_nothing() -> None:
    same = measure(TRUTH, TRUTH)
    assert (same.loss.value, same.loss.low, same.loss.high, same.saved.value) == (0, 0, 0, 0)


def test_one_block_has_no_bounds() -> None:
    assert measure(TRUTH, np.full(len(TRUTH), 0.5), block_size=28).loss.low == -np.inf
