from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.metrics import curves, probability
from ml.usecase import Cost
from tests.ml.answers import answered

COST = Cost(act=10, miss=50, averted=0.5)
ROWS = answered()


def test_every_row_is_in_one_bin_and_calibrated_scores_are_what_came() -> None:
    bins = curves.reliability_bins(ROWS, ROWS.labels, 0.99)
    assert len(bins) == 10
    assert sum(each.rows for each in bins) == len(ROWS.labels)
    assert [each.score for each in bins] == sorted(each.score for each in bins)
    held = [each.observed is not None and each.observed.low <= each.score <= each.observed.high for each in bins]
    assert sum(held) >= 9


@pytest.mark.parametrize(("a_night", "count"), [(3, 1), (10, 2), (30, 8)])
def test_few_rows_make_few_bins(a_night: int, count: int) -> None:
    rows = answered(a_night=a_night)
    assert len(curves.reliability_bins(rows, rows.labels, 0.95)) == count


@given(st.integers(0, 1000))
def test_acting_on_none_saves_nothing_and_on_all_finds_all(seed: int) -> None:
    rows = answered(nights=2, a_night=50, seed=seed)
    curve = curves.gains_curve(rows, COST)
    assert (curve.recall[0], curve.saved_per_1000[0]) == (0, 0)
    assert curve.recall[-1] == 1
    assert curve.saved_per_1000[-1] == pytest.approx(probability.saved_per_1000(rows.labels, np.ones(100), COST))
    assert (np.diff(curve.recall) >= 0).all()


def test_where_the_threshold_acts_the_curve_saves_what_the_model_is_said_to_save() -> None:
    curve = curves.gains_curve(ROWS, COST)
    at_threshold = np.interp(curve.share_above_threshold, curve.shares, curve.saved_per_1000)
    assert at_threshold == pytest.approx(probability.saved_per_1000(ROWS.labels, ROWS.scores, COST), rel=0.02)


def test_rows_without_a_positive_have_none_to_find() -> None:
    curve = curves.gains_curve(replace(ROWS, labels=np.zeros(len(ROWS.labels))), COST)
    assert curve.recall.tolist() == [0.0] * len(curve.shares)
    assert curve.saved_per_1000[-1] == pytest.approx(-1000 * COST.act)
