import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.statistics import column_profiles
from ml.statistics.column_profiles import Profile

NUMBERS = st.lists(st.floats(-1e6, 1e6) | st.just(np.nan), min_size=1, max_size=300)
LEVELS = st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=50)


def of(*values: float) -> Profile:
    return column_profiles.from_column(pd.Series(values, dtype="float64"))


def even(rows: int) -> Profile:
    return column_profiles.from_column(pd.Series(np.linspace(0, 1, rows)))


@given(NUMBERS)
def test_a_night_is_no_distance_from_itself_in_another_order(values: list[float]) -> None:
    column = pd.Series(values, dtype="float64")
    assert column_profiles.distance(column_profiles.from_column(column), column_profiles.from_column(column[::-1])) == 0


@given(LEVELS, LEVELS)
def test_the_distance_of_levels_is_the_same_both_ways_and_a_share(
    one: list[str | None], other: list[str | None]
) -> None:
    ours, theirs = (column_profiles.from_column(pd.Series(each, dtype=object)) for each in (one, other))
    assert column_profiles.distance(ours, theirs) == pytest.approx(column_profiles.distance(theirs, ours))
    assert 0 <= column_profiles.distance(ours, theirs) <= 1


@given(NUMBERS | LEVELS)
def test_a_profile_is_read_back_as_it_was_told(values: list[object]) -> None:
    result = column_profiles.from_column(pd.Series(values))
    assert column_profiles.from_json(column_profiles.to_json(result)) == result


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        (of(1, 2, 3, 4), of(1, 2, 3, 4), 0),
        (of(1, 2), of(3, 4), 1),
        (of(1, 1, 2, 2), of(2, 2, 2, 2), 0.5),
        (of(1, 2, 3, 4), of(1, 2, np.nan, np.nan), 0.5),
        (of(np.nan, np.nan), of(1, 2), 1),
    ],
    ids=["the same", "apart", "half moved", "half missing", "all missing"],
)
def test_the_distance_is_the_share_of_rows_that_are_elsewhere(one: Profile, other: Profile, apart: float) -> None:
    assert column_profiles.distance(one, other) == pytest.approx(apart, abs=0.02)


@pytest.mark.parametrize("rows", [100, 1_000, 100_000])
def test_more_rows_do_not_make_a_distance_larger(rows: int) -> None:
    moved = column_profiles.from_column(pd.Series(np.linspace(0.2, 1.2, rows)))
    assert column_profiles.distance(even(1_000), moved) == pytest.approx(0.2, abs=0.021)


def test_levels_beyond_the_hundred_commonest_count_as_one() -> None:
    result = column_profiles.from_column(pd.Series([f"level {n}" for n in range(300)]))
    assert len(result.shares) == 101
    assert sum(result.shares.values()) == pytest.approx(1)


def test_the_spread_holds_nine_tenths_of_what_is_known() -> None:
    assert even(1_000).spread == pytest.approx(0.9, abs=0.03)
    assert (of(3, 3, 3).spread, of(np.nan).spread) == (0, 0)
