"""Values that are missing, infinite, or beyond what was learned from are counted, and nothing else is."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.monitoring import data_quality, reference_profile
from ml.monitoring.data_quality import ColumnQuality

NUMBERS = pd.DataFrame({"x": [0.0, 5.0, np.nan]})
LEARNED = reference_profile.build(NUMBERS)


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ([0.0, 5.0], (0, 0, 0)),
        ([np.nan, 2.0, np.nan], (2, 0, 0)),
        ([np.inf, -np.inf, 1.0], (0, 2, 0)),
        ([-0.1, 5.1, 3.0], (0, 0, 2)),
    ],
    ids=["sound", "missing", "infinite", "beyond"],
)
def test_numbers_are_counted_by_what_is_wrong_with_them(values: list[float], counts: tuple[int, int, int]) -> None:
    (result,) = data_quality.measure(LEARNED, pd.DataFrame({"x": values}))
    assert result == ColumnQuality(
        feature="x", rows=len(values), missing=counts[0], infinite=counts[1], out_of_range=counts[2]
    )


def test_a_level_that_was_never_seen_is_beyond() -> None:
    learned = reference_profile.build(pd.DataFrame({"zone": pd.Categorical(["a", "b", None])}))
    (result,) = data_quality.measure(learned, pd.DataFrame({"zone": pd.Categorical(["a", "c", None, "c"])}))
    assert (result.missing, result.infinite, result.out_of_range) == (1, 0, 2)


def test_a_text_is_beyond_if_it_is_longer_than_all_that_were_learned_not_if_it_is_new() -> None:
    learned = reference_profile.build(pd.DataFrame({"note": ["late", "lost bag", None]}), ["note"])
    (result,) = data_quality.measure(learned, pd.DataFrame({"note": ["fine", "a longer one", None]}))
    assert (result.missing, result.infinite, result.out_of_range) == (1, 0, 1)


def test_of_a_feature_that_was_never_known_nothing_is_beyond() -> None:
    learned = reference_profile.build(pd.DataFrame({"x": [np.nan, np.nan]}))
    (result,) = data_quality.measure(learned, pd.DataFrame({"x": [1e9, np.nan]}))
    assert (result.missing, result.out_of_range) == (1, 0)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=30))
def test_no_value_is_counted_twice(values: list[float]) -> None:
    (result,) = data_quality.measure(LEARNED, pd.DataFrame({"x": np.array(values, float)}))
    assert result.missing + result.infinite + result.out_of_range <= result.rows
    assert data_quality.measure(LEARNED, NUMBERS)[0].out_of_range == 0
