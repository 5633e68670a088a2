"""Bytes in Parquet are taken as the text that they are, or refused by the name and type of their column."""

import io
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.errors import DataError
from tests import landed

UUID = uuid.UUID("a3bb189e-8bf9-3888-9912-ace4e6543002")


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        pytest.param(pa.array([b"north", b"south"]), ["north", "south"], id="bytes that are text"),
        pytest.param(
            pa.array([b"north", b"south"]).dictionary_encode(),
            ["north", "south"],
            id="the same as categories",
        ),
        pytest.param(pa.array([b"north", b"\xff\xfe"]), [], id="bytes that are no text"),
        pytest.param(pa.array([b"\xde\xad\xbe\xef"], pa.binary(4)), [], id="fixed bytes"),
        pytest.param(pa.array([UUID.bytes], pa.uuid()), [str(UUID)], id="UUID"),
        pytest.param(
            pa.array([b"abcdefghijklmnop"], pa.uuid()),
            ["61626364-6566-6768-696a-6b6c6d6e6f70"],
            id="UUID whose bytes read as text",
        ),
    ],
)
def test_bytes_are_their_text_or_are_refused_by_name(column: pa.Array, cells: list[str]) -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"a": column}), file)
    kind = pq.read_schema(io.BytesIO(file.getvalue())).field("a").type
    try:
        assert landed.rows("t.parquet", file.getvalue()).well_formed["a"].tolist() == cells
        assert cells
    except DataError as refused:
        assert f"expected text, numbers, dates or instants, got 'a' of type {kind}" in str(refused)  # noqa: PT017


def test_a_nested_column_is_refused_by_name() -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"a": pa.array([{"left": 1, "right": 2}])}), file)
    with pytest.raises(DataError, match="expected flat columns, got 'a' of type struct<left: int64, right: int64>"):
        landed.rows("t.parquet", file.getvalue())
