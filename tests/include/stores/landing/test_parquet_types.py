"""Each type of Parquet has a text or a refusal by column and type."""

import decimal
import io
import math
import uuid
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stores.landing import parquet_types
from ml.errors import DataError
from ml.ingestion.declared_columns import ANY_COLUMNS
from ml.ingestion.validation import parsing
from tests import landed

MOMENT = datetime(2024, 3, 17, 5, 6, 7, 800_000, UTC)
IDENTITY = uuid.UUID("12345678-1234-5678-1234-567812345678")

TEXTS: dict[str, tuple[pa.Array, str]] = {
    "text": (pa.array(["é"]), "é"),
    "large text": (pa.array(["é"], pa.large_string()), "é"),
    "categories": (pa.array(["é"]).dictionary_encode(), "é"),
    "categories of bytes": (pa.array(["é".encode()]).dictionary_encode(), "é"),
    "categories of numbers": (pa.array([7]).dictionary_encode(), "7"),
    "bytes of a text": (pa.array(["é".encode()]), "é"),
    "int64": (pa.array([1582917533873852417]), "1582917533873852417"),
    "uint64": (pa.array([2**64 - 1], pa.uint64()), str(2**64 - 1)),
    "a missing int64": (pa.array([None], pa.int64()), ""),
    "float": (pa.array([0.1]), "0.1"),
    "32-bit float": (pa.array([0.1], pa.float32()), "0.10000000149011612"),
    "whole float": (pa.array([-1e15]), "-1000000000000000"),
    "rounded 32-bit float": (pa.array([123456789.0], pa.float32()), "1.23456792e+08"),
    "16-bit float": (pa.array([np.float16(2048)]), "2.048e+03"),
    "infinity": (pa.array([float("inf")]), "inf"),
    "categories of floats": (pa.array([1e15]).dictionary_encode(), "1000000000000000"),
    "NaN": (pa.array([float("nan")]), ""),
    "boolean": (pa.array([True]), "true"),
    "nothing": (pa.array([None]), ""),
    "decimal": (pa.array([decimal.Decimal("0.0000000001")], pa.decimal128(38, 10)), "0.0000000001"),
    "a large decimal": (pa.array([decimal.Decimal("1" + "0" * 30)], pa.decimal256(60, 2)), "1" + "0" * 30 + ".00"),
    "date": (pa.array([MOMENT.date()]), "2024-03-17"),
    "instant": (pa.array([MOMENT], pa.timestamp("us", "UTC")), "2024-03-17T05:06:07.800000Z"),
    "instant elsewhere": (pa.array([MOMENT], pa.timestamp("ms", "Asia/Kolkata")), "2024-03-17T05:06:07.800Z"),
    "instant without a zone": (pa.array([MOMENT], pa.timestamp("us")), "2024-03-17T05:06:07.800000"),
    "year 9999": (pa.array([datetime(9999, 12, 31, tzinfo=UTC)], pa.timestamp("us")), "9999-12-31T00:00:00"),
    "UUID": (pa.ExtensionArray.from_storage(pa.uuid(), pa.array([IDENTITY.bytes], pa.binary(16))), str(IDENTITY)),
}

REFUSED: dict[str, tuple[pa.Array, str]] = {
    "bytes": (pa.array([b"\xff"]), "of type binary"),
    "categories of bytes": (pa.array([b"\xff"]).dictionary_encode(), "binary"),
    "bytes of a fixed length": (pa.array([b"ab"], pa.binary(2)), "of type fixed_size_binary[2]"),
    "duration": (pa.array([5], pa.duration("s")), "of type duration"),
    "list": (pa.array([[1]]), "of type list<"),
    "struct": (pa.array([{"a": 1}]), "of type struct<"),
    "map": (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "of type map<"),
}


def read(column: pa.Array) -> list[str]:
    """Return the texts of the only column of a Parquet file."""
    file = io.BytesIO()
    pq.write_table(pa.table({"who": column}), file)
    return [str(text) for text in landed.rows("rides.parquet", file.getvalue()).well_formed["who"]]


@pytest.mark.parametrize(("column", "text"), TEXTS.values(), ids=TEXTS.keys())
def test_a_value_has_its_text(column: pa.Array, text: str) -> None:
    assert read(column) == [text]


FLOATS = {pa.float32(): st.floats(width=32, allow_nan=False), pa.float64(): st.floats(allow_nan=False)}
WHOLE = st.integers(-(2**65), 2**65).map(float)


@pytest.mark.parametrize("kind", FLOATS, ids=str)
@given(data=st.data())
def test_a_float_is_read_exactly_or_refused(kind: pa.DataType, data: st.DataObject) -> None:
    numbers = pa.array(data.draw(st.lists(FLOATS[kind] | WHOLE, min_size=1, max_size=5)), pa.float64()).cast(kind)
    values = numbers.cast(pa.float64()).to_pylist()
    texts = parquet_types.to_texts(pa.chunked_array([numbers]), 1, "who", ANY_COLUMNS).to_pylist()
    floats = parsing.parse(pd.Series(texts), "float64").to_series(pd.RangeIndex(len(values)))
    wholes = parsing.parse(pd.Series(texts), "int64").to_series(pd.RangeIndex(len(values)))
    exact_below = 2**53 if kind == pa.float64() else 2**24
    for value, as_float, as_whole in zip(values, floats, wholes, strict=True):
        assert as_float == value or (math.isinf(value) and math.isnan(as_float))
        is_exact = abs(value) < exact_below and value == int(value)
        assert (as_whole == int(value)) if is_exact else pd.isna(as_whole)


@pytest.mark.parametrize("number", [2.0**53, -(2.0**53), 2.0**60, 1e300])
def test_a_whole_number_that_a_double_does_not_hold_exactly_is_refused_for_that(number: float) -> None:
    texts = parquet_types.to_texts(pa.chunked_array([pa.array([number])]), 1, "who", ANY_COLUMNS).to_pylist()
    (refusal,) = parsing.parse(pd.Series(texts), "int64").refusals
    assert "a double cannot hold it exactly" in refusal.expected


@pytest.mark.parametrize(("column", "kind"), REFUSED.values(), ids=REFUSED.keys())
def test_a_column_without_a_text_is_refused_by_name_and_type(column: pa.Array, kind: str) -> None:
    with pytest.raises(DataError) as refusal:
        read(column)
    assert f"'who' {'of type dictionary<values=' if 'categories' in kind else ''}" in str(refusal.value)
    assert kind in str(refusal.value)


def test_a_type_of_an_extension_that_nobody_registered_is_refused_and_not_read_as_its_storage() -> None:
    field = pa.field("who", pa.int64(), metadata={"ARROW:extension:name": "acme.money_cents"})
    schema = pa.schema([pa.field("note", pa.string()), field])
    with pytest.raises(DataError, match=r"got 'who' of type .*acme\.money_cents"):
        parquet_types.check(schema, ANY_COLUMNS)
