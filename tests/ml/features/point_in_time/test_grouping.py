import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.features.point_in_time import Entities
from ml.features.point_in_time.grouping import Grouping, distinct


def entities(rows: pd.DataFrame) -> Entities:
    return Entities(rows, np.zeros(len(rows), np.int64))


def test_groups_of_many_columns_are_the_combinations_that_there_are() -> None:
    chance = np.random.default_rng(3)
    table = pd.DataFrame(chance.integers(0, 9000, (3000, 3)), columns=list("xyz")).astype({"y": str})
    table = table.astype({"z": "category"})
    grouping = Grouping.from_table(table, ("x", "y", "z"))
    assert grouping.size == len(table.drop_duplicates())
    asked = grouping.lookup(entities(table.head(50)))
    assert (asked == grouping.rows[:50]).all()
    assert (asked >= 0).all()


@pytest.mark.parametrize("zone", ["never seen", None], ids=["unseen", "missing"])
def test_an_entity_without_a_group_has_none(zone: str | None) -> None:
    grouping = Grouping.from_table(pd.DataFrame({"zone": ["a", "b"]}), ("zone",))
    assert grouping.lookup(entities(pd.DataFrame({"zone": pd.Series([zone, "b"], dtype=object)}))).tolist() == [-1, 1]


def test_a_row_that_misses_a_column_is_in_no_group() -> None:
    grouping = Grouping.from_table(pd.DataFrame({"zone": ["a", None, "a"], "size": [1, 1, 1]}), ("zone", "size"))
    assert grouping.rows.tolist() == [0, -1, 0]


@given(st.lists(st.integers(0, 99)), st.sampled_from([100, 1 << 40]))
def test_codes_are_found_again_among_the_distinct_ones(codes: list[int], bound: int) -> None:
    result, places = distinct(np.array(codes, np.int64), bound)
    assert result.tolist() == sorted(set(codes))
    assert result[places].tolist() == codes
