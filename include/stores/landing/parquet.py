"""Read Parquet: every value as text, with page checksums verified and a bound on the decoded size."""

import json
import re
from collections.abc import Iterator
from typing import IO

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.stores.landing import rows
from include.stores.landing.rows import Rows
from ml.errors import DataError

MAX_ROWS = 50_000_000
LARGEST_DECODED = 4 * 1024**3
_BATCH, _MAX_CELL_TEXT = 4096, 1000
_INDEX = re.compile(r"__index_level_\d+__")


def read(file: IO[bytes], max_rows: int) -> Iterator[Rows]:
    """Yield the rows of a Parquet file in batches of at most `max_rows`.

    Raises DataError when the file is damaged, has nested columns, or is too large when decoded.
    """
    rows_before = 0
    try:
        for table in _tables(_open(file), max_rows):
            yield _rows(table, rows_before)
            rows_before += len(table)
    except (pa.ArrowException, OSError) as fault:
        raise DataError(f"expected a whole Parquet file, got a damaged one ({fault}); land it again") from None


def _open(file: IO[bytes]) -> pq.ParquetFile:
    """Return the file after checking it; its text columns are read as categories."""
    schema = pq.ParquetFile(file, page_checksum_verification=True).schema_arrow
    texts = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
    parquet_file = pq.ParquetFile(file, page_checksum_verification=True, read_dictionary=texts)
    _check(parquet_file)
    return parquet_file


def _check(file: pq.ParquetFile) -> None:
    for field in file.schema_arrow:
        if pa.types.is_nested(field.type):
            raise DataError(f"expected flat columns, got {field.name!r} of type {field.type}")
    if file.metadata.num_rows > MAX_ROWS:
        raise DataError(f"expected at most {MAX_ROWS:,} rows, got {file.metadata.num_rows:,}; land it in parts")


def _tables(file: pq.ParquetFile, max_rows: int) -> Iterator[pa.Table]:
    """Yield the rows in tables of `max_rows`; the last one may be shorter."""
    columns = [name for name in file.schema_arrow.names if not _INDEX.fullmatch(name)]
    schema = pa.schema([file.schema_arrow.field(name) for name in columns])
    buffered: list[pa.RecordBatch] = []
    for batch in _batches(file, columns):
        remaining = batch
        while sum(map(len, buffered)) + len(remaining) > max_rows:
            room = max_rows - sum(map(len, buffered))
            yield _table([*buffered, remaining.slice(0, room)], schema)
            buffered, remaining = [], remaining.slice(room)
        buffered.append(remaining)
    yield _table(buffered, schema)


def _batches(file: pq.ParquetFile, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield small batches, so that an expanding page is detected before the whole file is in memory."""
    decoded = 0
    for batch in file.iter_batches(batch_size=_BATCH, columns=columns):
        decoded += batch.nbytes
        if decoded > LARGEST_DECODED:
            raise DataError(f"expected at most {LARGEST_DECODED:,} bytes decoded, got more; land it in parts")
        yield batch


def _table(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_batches(batches, batches[0].schema if batches else schema).unify_dictionaries()


def _rows(table: pa.Table, rows_before: int) -> Rows:
    texts = pd.DataFrame({name: _to_texts(table[name]) for name in table.column_names})
    frame = texts.set_axis(pd.RangeIndex(rows_before + 1, rows_before + len(texts) + 1))
    bad = pd.Series(False, frame.index)
    for column in (frame[name] for name in frame):
        bad |= column.isin([level for level in column.cat.categories if rows.fault([level])])
    faults = [
        (int(line), json.dumps([cell[:_MAX_CELL_TEXT] for cell in row]), rows.fault(list(row)))
        for line, row in zip(frame.index[bad], frame[bad].itertuples(index=False), strict=True)
    ]
    return Rows(well_formed=frame[~bad], malformed=rows.malformed(faults))


def _to_texts(column: pa.ChunkedArray) -> pd.Series:
    """Return a column's values as categories of text; missing values, NaN included, are empty texts."""
    if not pa.types.is_dictionary(column.type):
        column = _format_values(column).dictionary_encode()
    texts: pd.Series = column.to_pandas()
    return texts.cat.add_categories("").fillna("") if texts.isna().any() else texts


def _format_values(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_nan(column), None, column)
    if pa.types.is_timestamp(kind):
        zone = "Z" if kind.tz else ""
        instants = column.cast(pa.timestamp(kind.unit, "UTC" if kind.tz else None))
        formatted = pc.strftime(instants, format="%Y-%m-%dT%H:%M:%S")
        return pc.binary_join_element_wise(pc.replace_substring_regex(formatted, r"\.0+$", ""), zone, "")
    return column.cast(pa.string())
