"""The types of Parquet columns: the text of their values, or a refusal by column and type. No value is altered.

| type | text |
|---|---|
| text, also as categories | as it is; bytes that are not UTF-8 make the row malformed |
| bytes, also as categories | the text that they encode; the file is refused if they are not UTF-8 |
| integers, booleans, no type (all missing) | as CSV would have them |
| floats | the same number; whole ones as digits below 2⁵³ (32 bits: 2²⁴, 16 bits: 2¹¹), else with an exponent; NaN is missing |
| decimals | all digits, never an exponent |
| dates, times, instants of any unit | ISO 8601; an instant with a time zone in UTC, with `Z` |
| UUIDs, JSON, 8-bit booleans | the canonical text of a UUID; the stored text or number of the others |
| bytes of a fixed length, durations, intervals, other extension types, any other | the file is refused |
| lists, structs, maps | the file is refused |
"""

import uuid
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.stores.landing import rows
from ml.errors import DataError
from ml.ingestion.declared_columns import DeclaredColumns

_MAX_TYPE_LENGTH = 200
# A type that no library registered is read as its storage, and only the field's metadata name it.
_EXTENSION = b"ARROW:extension:name"
_STORED_AS_TEXT = frozenset(("arrow.json", "arrow.bool8"))
_SECOND = 1_000_000_000
# From here on, a whole number in a float of the type may stand for another one.
_EXACT_BELOW = {pa.float16(): 2.0**11, pa.float32(): 2.0**24, pa.float64(): 2.0**53}
_OWN_TEXT_FROM = {**_EXACT_BELOW, pa.float64(): 1e10}  # Arrow writes doubles with an exponent from here on
Convert = Callable[[pa.Array], pa.Array]


def check(schema: pa.Schema, columns: DeclaredColumns) -> None:
    """Raise DataError when a column's name occurs twice, or when its type has no text."""
    rows.check_names(schema.names, columns)
    for position, field in enumerate(schema, 1):
        name, kind, values = field.name, field.type, _value_type(field.type)
        storage = values.storage_type if isinstance(values, pa.BaseExtensionType) else values
        if pa.types.is_nested(storage):
            shown = _describe(name, position, kind, columns)
            raise DataError(f"expected flat columns, got {shown}; write its parts as columns of their own")
        if _converter(values) is None:
            raise _unsupported(name, position, kind, columns)
        extension = (field.metadata or {}).get(_EXTENSION)
        if extension is not None and not isinstance(values, pa.BaseExtensionType):
            named = pa.opaque(kind, extension.decode(errors="replace"), "an unknown extension")
            raise _unsupported(name, position, named, columns)


def to_texts(column: pa.ChunkedArray, position: int, name: str, columns: DeclaredColumns) -> pa.ChunkedArray:
    """Return the values of a column as categories of text; a missing value is the empty text.

    Raises DataError for bytes that are not text.
    """
    convert = _converter(_value_type(column.type))
    assert convert is not None, f"check refuses {column.type}"
    try:
        if pa.types.is_dictionary(column.type):
            return _convert_categories(column.unify_dictionaries(), convert)
        return _to_categories([convert(chunk) for chunk in column.chunks])
    except pa.ArrowInvalid:
        raise _unsupported(name, position, column.type, columns) from None


def join_int96(nanoseconds: pa.Array, seconds: pa.Array) -> pa.Array:
    """Return the text of instants of 96 bits, which were read as 64-bit nanoseconds, that overflow, and as seconds.

    The nanoseconds within the second are the difference of the two, modulo 2⁶⁴.
    """
    whole = seconds.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    wrapped = nanoseconds.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    fractions = [f".{each:09d}" if each else "" for each in (wrapped - whole * np.int64(_SECOND)).tolist()]
    texts = pc.strftime(seconds.cast(pa.timestamp("s")), format="%Y-%m-%dT%H:%M:%S")
    return pc.binary_join_element_wise(texts, pa.array(fractions, pa.string()), "")


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _converter(kind: pa.DataType) -> Convert | None:
    """Return the function that returns values of the type `kind` as text; None if there is none."""
    of = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        if kind.extension_name == "arrow.uuid":
            return _uuids
        return _cast if kind.extension_name in _STORED_AS_TEXT else None
    families: tuple[tuple[tuple[Callable[[pa.DataType], bool], ...], Convert], ...] = (
        ((of.is_string, of.is_large_string, of.is_string_view), _texts),
        ((of.is_binary, of.is_large_binary, of.is_binary_view), _cast),
        ((of.is_integer, of.is_boolean, of.is_null, of.is_date, of.is_time), _cast),
        ((of.is_floating,), _floats),
        ((of.is_decimal,), _decimals),
        ((of.is_timestamp,), _instants),
    )
    return next((convert for tests, convert in families if any(test(kind) for test in tests)), None)


def _convert_categories(column: pa.ChunkedArray, convert: Convert) -> pa.ChunkedArray:
    """Return categories of text; of values that have the same text, one category is kept."""
    chunks = [(chunk.indices.cast(pa.int32()), convert(chunk.dictionary)) for chunk in column.chunks]
    if any(levels.null_count or len(levels.unique()) < len(levels) for _, levels in chunks):
        return _to_categories([levels.take(indices) for indices, levels in chunks])
    converted = [_categories(indices, levels, with_empty=column.null_count > 0) for indices, levels in chunks]
    return pa.chunked_array(converted, pa.dictionary(pa.int32(), pa.string()))


def _categories(indices: pa.Array, levels: pa.Array, *, with_empty: bool) -> pa.DictionaryArray:
    """Return the categories; missing values get the level of the empty text, which is added `with_empty`."""
    if not with_empty:
        return pa.DictionaryArray.from_arrays(indices, levels)
    empty = pc.index(levels, "").as_py()
    if empty < 0:
        levels, empty = pa.concat_arrays([levels, pa.array([""])]), len(levels)
    return pa.DictionaryArray.from_arrays(indices.fill_null(pa.scalar(empty, pa.int32())), levels)


def _to_categories(texts: list[pa.Array]) -> pa.ChunkedArray:
    return pa.chunked_array(texts, pa.string()).fill_null("").dictionary_encode()


def _cast(values: pa.Array) -> pa.Array:
    return values.cast(pa.string())


def _texts(values: pa.Array) -> pa.Array:
    """Return texts, whose bytes a writer need not have checked; undecodable ones are marked as in CSV."""
    encoded = values.cast(pa.large_binary())
    try:
        return encoded.cast(pa.string())
    except pa.ArrowInvalid:
        decoded = [None if each is None else each.decode(errors="replace") for each in encoded.to_pylist()]
        return pa.array(decoded, pa.string())


def _floats(values: pa.Array) -> pa.Array:
    """Return floats as the shortest text of the same 64-bit number; whole ones have digits while all of them are exact.

    A larger whole number has an exponent: its type also stands for other numbers nearby, as for ids that were rounded.
    """
    exact_below, own_from = _EXACT_BELOW[values.type], _OWN_TEXT_FROM[values.type]
    doubles = pc.if_else(pc.is_nan(values), None, values).cast(pa.float64())
    texts = doubles.cast(pa.string())
    numbers = doubles.fill_null(0.0).to_numpy(zero_copy_only=False)
    is_large = (np.abs(numbers) >= own_from) & np.isfinite(numbers) & (numbers == np.trunc(numbers))
    if not is_large.any():
        return texts
    shown = [
        f"{each:.0f}" if abs(each) < exact_below else np.format_float_scientific(each, trim="-")
        for each in numbers[is_large]
    ]
    return pc.replace_with_mask(texts, pa.array(is_large), pa.array(shown, pa.string()))


def _decimals(values: pa.Array) -> pa.Array:
    return pa.array([None if each is None else f"{each:f}" for each in values.to_pylist()], pa.string())


def _uuids(values: pa.Array) -> pa.Array:
    stored = values.storage.to_pylist()
    return pa.array([None if each is None else str(uuid.UUID(bytes=each)) for each in stored], pa.string())


def _instants(values: pa.Array) -> pa.Array:
    zone = "Z" if values.type.tz else ""
    formatted = pc.strftime(values.cast(pa.timestamp(values.type.unit)), format="%Y-%m-%dT%H:%M:%S")
    return pc.binary_join_element_wise(pc.replace_substring_regex(formatted, r"\.0+$", ""), zone, "")


def _unsupported(name: str, position: int, kind: pa.DataType, columns: DeclaredColumns) -> DataError:
    return DataError(
        f"expected text, numbers, dates or instants, got {_describe(name, position, kind, columns)}; write the column "
        "as one of these, or leave it out"
    )


def _describe(name: str, position: int, kind: pa.DataType, columns: DeclaredColumns) -> str:
    """Return a column and its type; the names inside a nested type are shown only if any name may be."""
    text = str(kind) if not columns.confidential else str(kind).partition("<")[0]
    return f"{columns.show(name, position)} of type {text[:_MAX_TYPE_LENGTH]}"
