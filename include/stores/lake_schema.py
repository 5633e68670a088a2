"""Types of stored columns: the type that a column is stored with, and how a stored table follows a changed contract.

A table follows when no value changes: a column is added or no longer filled, or a number gets another type.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ml.errors import DataError

_Rows = TypeVar("_Rows", pa.Table, pa.RecordBatch)

_UNSIGNED_64 = pa.decimal128(20)
# Delta has neither unsigned whole numbers nor floats of 16 bits; the next wider type holds each of their values.
_STORED_AS = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): _UNSIGNED_64,
    pa.float16(): pa.float32(),
}
_MAX_EXACT_FLOAT = 2**53
_NUMBERS = (pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), _UNSIGNED_64, pa.float32(), pa.float64())


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """How a stored table differs from new rows.

    `widened` are the stored columns that need another type, and `cast` the new columns that get the stored type. Both
    are casts that fail rather than change a value. `is_reshaped`: one has columns that the other has not.
    """

    widened: Mapping[str, pa.DataType] = field(default_factory=dict)
    cast: Mapping[str, pa.DataType] = field(default_factory=dict)
    is_reshaped: bool = False


def stored_type(declared: pa.DataType) -> pa.DataType:
    """Return the type with which a column of the type `declared` is stored.

    >>> stored_type(pa.uint8()), stored_type(pa.string())
    (DataType(int16), DataType(string))
    """
    return _STORED_AS.get(declared, declared)


def is_same(stored: pa.Schema, new: pa.Schema) -> bool:
    """Return whether both have the same columns, in any order, with the same types in the lake."""
    before, after = ({each.name: _normalise(each.type) for each in schema} for schema in (stored, new))
    return before == after


def compare(stored: pa.Schema, new: pa.Schema, uri: str) -> SchemaChange:
    """Return how the table at `uri`, with the schema `stored`, must change to take rows with the schema `new`.

    Raises DataError when the type of a column became another one than a narrower or wider number.

    >>> stored = pa.schema([("visits", pa.int8()), ("plan", pa.string())])
    >>> compare(stored, pa.schema([("visits", pa.int64())]), "lake/gym/valid/members")
    SchemaChange(widened={'visits': DataType(int64)}, cast={}, is_reshaped=True)
    """
    *_, case, stage, table = uri.rstrip("/").split("/")
    widened, cast = {}, {}
    for name in sorted(set(stored.names) & set(new.names)):
        before, after = _normalise(stored.field(name).type), _normalise(new.field(name).type)
        if before == after:
            continue
        is_number = before in _NUMBERS and after in _NUMBERS
        is_rounded = _UNSIGNED_64 in (before, after) and any(map(pa.types.is_floating, (before, after)))
        if not is_number or is_rounded:
            raise DataError(
                f"expected {name!r} of {stage}/{table} as {before}, the type of the stored nights, got {after}: restore the "
                f"type in the contract, declare the column under a new name, or start again (`ratchet forget {case}`)"
            )
        if _NUMBERS.index(after) > _NUMBERS.index(before):
            widened[name] = after
        else:
            cast[name] = before
    return SchemaChange(widened=widened, cast=cast, is_reshaped=set(stored.names) != set(new.names))


def cast(rows: pa.Table | pa.RecordBatchReader, types: Mapping[str, pa.DataType]) -> pa.Table | pa.RecordBatchReader:
    """Return `rows` with other `types` for some columns; raises DataError for a value that would change."""
    schema = pa.schema([each.with_type(types.get(each.name, each.type)) for each in rows.schema])
    if isinstance(rows, pa.Table):
        return _cast(rows, schema)
    return pa.RecordBatchReader.from_batches(schema, (_cast(each, schema) for each in rows))


def _cast(rows: _Rows, schema: pa.Schema) -> _Rows:
    try:
        return rows.cast(schema)
    except pa.ArrowInvalid as error:
        raise DataError(
            f"expected numbers that the stored type and the contract's type both represent, but: {error}. Restore the "
            "type in the contract, or declare the column under a new name"
        ) from None


def with_exact_numbers(frame: pd.DataFrame, stored: pa.Table) -> pd.DataFrame:
    """Return `frame`, read from `stored`, with whole numbers beyond 2^53 as Int64 where pandas made them floats.

    pandas reads a column of whole numbers with missing values as floats, which merges neighbouring large numbers.
    Unsigned numbers of 64 bits, which are stored as decimals, become UInt64.

    >>> stored = pa.table({"id": [9007199254740993, None]})
    >>> with_exact_numbers(stored.to_pandas(), stored)["id"].tolist()
    [9007199254740993, <NA>]
    """
    exact = {}
    for name, column in zip(stored.column_names, stored.columns, strict=True):
        if pa.types.is_decimal(column.type):
            exact[name] = pd.Series(pd.array(column.cast(pa.uint64()).to_pylist(), dtype="UInt64"), frame.index)
        elif pa.types.is_int64(column.type) and column.null_count:
            bounds = pc.min_max(column).as_py()
            if bounds["min"] is not None and max(-bounds["min"], bounds["max"]) > _MAX_EXACT_FLOAT:
                exact[name] = pd.Series(pd.array(column.to_pylist(), dtype="Int64"), frame.index)
    return frame.assign(**exact) if exact else frame


def _normalise(given: pa.DataType) -> pa.DataType:
    """Return the type as Delta stores it: instants in microseconds, and one type of text."""
    if pa.types.is_timestamp(given):
        return pa.timestamp("us", given.tz)
    if pa.types.is_large_string(given) or pa.types.is_string_view(given):
        return pa.string()
    return stored_type(given)
