"""A stored table follows a change of its columns' types only where no value changes."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stores import lake_schema
from ml.errors import DataError

URI = "lake/taxi/valid/rides"
NUMBERS = st.sampled_from(["bool", "int8", "int16", "int32", "int64", "float", "double"])


def schema(kind: str) -> pa.Schema:
    return pa.schema([("v", kind)])


@given(NUMBERS, NUMBERS)
def test_of_two_types_of_numbers_the_table_has_the_wider_one_afterwards(before: str, after: str) -> None:
    change, back = (
        lake_schema.compare(schema(one), schema(other), URI) for one, other in ((before, after), (after, before))
    )
    assert len(change.widened) + len(change.cast) == (before != after)
    assert (change.widened, change.cast) == (back.cast, back.widened)


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), min_size=1, max_size=5), NUMBERS)
def test_a_cast_keeps_every_value_or_is_refused(values: list[int | None], kind: str) -> None:
    rows = pa.table({"v": pa.array(values, pa.int64())})
    try:
        cast = lake_schema.cast(rows, {"v": schema(kind).field("v").type})
    except DataError:
        return
    if kind != "bool":
        assert cast["v"].to_pylist() == values


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (pa.string(), pa.float64()),
        (pa.float64(), pa.string()),
        (pa.timestamp("us", "UTC"), pa.timestamp("us")),
        (pa.timestamp("us"), pa.int64()),
        (pa.bool_(), pa.string()),
    ],
)
def test_any_other_change_is_refused_with_the_way_on(before: pa.DataType, after: pa.DataType) -> None:
    with pytest.raises(DataError, match=r"expected 'v' of valid/rides as .*`ratchet forget taxi`"):
        lake_schema.compare(schema(before), schema(after), URI)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.uint8(), pa.int16()),
        (pa.float16(), pa.float32()),
        (pa.large_string(), pa.string()),
        (pa.timestamp("ns"), pa.timestamp("us")),
    ],
)
def test_types_that_the_lake_stores_alike_are_the_same(one: pa.DataType, other: pa.DataType) -> None:
    assert lake_schema.is_same(schema(one), schema(other))
    assert not lake_schema.is_same(schema(one), pa.schema([("w", other)]))


def test_large_whole_numbers_with_missing_values_are_read_exactly() -> None:
    stored = pa.table({"large": [2**53 + 1, None], "small": [1, None], "full": [2**62 + 1, 1]})
    frame = lake_schema.with_exact_numbers(stored.to_pandas(), stored)
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "large": "Int64",
        "small": "float64",
        "full": "int64",
    }
    assert (frame["large"][0], frame["large"].isna().tolist()) == (2**53 + 1, [False, True])
    pd.testing.assert_frame_equal(
        lake_schema.with_exact_numbers(pd.DataFrame({"a": [np.nan]}), pa.table({"a": [None]})),
        pd.DataFrame({"a": [np.nan]}),
    )
