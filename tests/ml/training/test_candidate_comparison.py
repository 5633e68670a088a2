"""A paired comparison is antisymmetric, unbounded on one night, and leaves at least one candidate."""

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ml.statistics.intervals import Interval
from ml.training import candidate_comparison
from ml.training.candidate_comparison import Comparison, Criterion, OutOfFoldRows
from tests.ml.training.test_selection import BINARY, LABELS, NIGHT_OF_ROW, random_scores

BY_COST_AND_LOSS = (Criterion.COST, Criterion.LOSS)


@given(seed=st.integers(0, 10_000))
def test_a_pair_in_the_other_order_has_the_opposite_differences(seed: int) -> None:
    rows = OutOfFoldRows(labels=LABELS, nights=NIGHT_OF_ROW, scores=random_scores(seed, 2))
    (forward,), (backward,) = (
        candidate_comparison.compare(names, rows, BINARY, 0.95) for names in (("a", "b"), ("b", "a"))
    )
    for criterion in BY_COST_AND_LOSS:
        assert forward.shown_worse(criterion) == backward.shown_worse(criterion)
        np.testing.assert_allclose(
            [forward.difference(criterion).low, forward.difference(criterion).high],
            [-backward.difference(criterion).high, -backward.difference(criterion).low],
            rtol=1e-9,
            atol=1e-9,
        )
    assert forward.seen_from("a") == forward
    assert forward.seen_from("b").seen_from("a") == forward


def test_a_candidate_that_answers_the_same_is_not_shown_to_differ() -> None:
    scores = random_scores(1, 1)["a"]
    rows = OutOfFoldRows(labels=LABELS, nights=NIGHT_OF_ROW, scores={"a": scores, "b": scores.copy()})
    (pair,) = candidate_comparison.compare(("a", "b"), rows, BINARY, 0.95)
    assert [pair.shown_worse(each) for each in BY_COST_AND_LOSS] == [None, None]


def test_one_night_shows_nothing() -> None:
    scores = {"a": np.where(LABELS == 1, 0.9, 0.1), "b": np.where(LABELS == 1, 0.1, 0.9)}
    rows = OutOfFoldRows(labels=LABELS, nights=np.full(len(LABELS), "2013-02-01", object), scores=scores)
    (pair,) = candidate_comparison.compare(("a", "b"), rows, BINARY, 0.95)
    assert pair.cost.value < 0
    assert [pair.shown_worse(each) for each in BY_COST_AND_LOSS] == [None, None]


def test_more_pairs_need_more_evidence_each() -> None:
    rows = OutOfFoldRows(labels=LABELS, nights=NIGHT_OF_ROW, scores=random_scores(3, 4))
    alone, *_ = candidate_comparison.compare(("a", "b"), rows, BINARY, 0.95)
    together, *_ = candidate_comparison.compare(("a", "b", "c", "d"), rows, BINARY, 0.95)
    assert together.names == alone.names
    assert together.loss.low < alone.loss.low < alone.loss.high < together.loss.high


@given(
    means=st.lists(st.integers(-5, 5), min_size=1, max_size=5),
    half_widths=st.lists(st.integers(0, 6), min_size=10, max_size=10),
)
def test_whatever_is_shown_at_least_one_candidate_is_left(means: list[int], half_widths: list[int]) -> None:
    names = "abcde"[: len(means)]
    pairs = []
    for (one, other), half in zip(combinations(range(len(means)), 2), half_widths, strict=False):
        value = float(means[one] - means[other])
        cost = Interval(value=value, low=value - half, high=value + half)
        pairs.append(Comparison(candidate=names[one], other=names[other], cost=cost, loss=cost))
    left = candidate_comparison.not_shown_worse(names, pairs, Criterion.COST)
    assert names[int(np.argmin(means))] in left
