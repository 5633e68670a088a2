"""Read Parquet: every value as text, with page checksums verified and a bound on the decoded size."""

import json
import re
from collections.abc import Iterator
from typing import IO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from include.stores.landing import parquet_types, rows
from include.stores.landing.rows import Rows
from ml.errors import DataError
from ml.ingestion.declared_columns import ANY_COLUMNS, DeclaredColumns

MAX_ROWS = 50_000_000
LARGEST_DECODED = 4 * 1024**3
_BATCH, _MAX_CELL_TEXT = 4096, 1000
_INDEX = re.compile(r"__index_level_\d+__")


def read(file: IO[bytes], max_rows: int, columns: DeclaredColumns = ANY_COLUMNS) -> Iterator[Rows]:
    """Yield the rows of a Parquet file in batches of at most `max_rows`.

    Raises DataError when the file is damaged, has a column twice or of a type without a text, or is too large when
    decoded.
    """
    rows_before = 0
    try:
        for table in _tables(file, max_rows, columns):
            yield _rows(table, rows_before, columns)
            rows_before += len(table)
    except (pa.ArrowException, OSError) as fault:
        raise DataError(f"expected a whole Parquet file, got a damaged one ({fault}); land it again") from None
    except UnicodeDecodeError:
        raise DataError("expected column names in UTF-8, got other bytes; rename the columns") from None


def _open(file: IO[bytes], columns: DeclaredColumns) -> pq.ParquetFile:
    """Return the file after checking it; its text columns are read as categories."""
    unchecked = pq.ParquetFile(file, page_checksum_verification=True)
    schema = unchecked.schema_arrow
    parquet_types.check(schema, columns)
    if unchecked.metadata.num_rows > MAX_ROWS:
        raise DataError(f"expected at most {MAX_ROWS:,} rows, got {unchecked.metadata.num_rows:,}; land it in parts")
    texts = [
        name
        for name, kind in zip(schema.names, schema.types, strict=True)
        if pa.types.is_string(kind) or pa.types.is_large_string(kind)
    ]
    return pq.ParquetFile(file, page_checksum_verification=True, read_dictionary=texts)


def _tables(file: IO[bytes], max_rows: int, columns: DeclaredColumns) -> Iterator[pa.Table]:
    """Yield the rows in tables of `max_rows`; the last one may be shorter."""
    parquet_file = _open(file, columns)
    schema = _without_index(parquet_file.schema_arrow.empty_table()).schema
    buffered: list[pa.RecordBatch] = []
    room = max_rows
    for batch in _batches(parquet_file, _seconds(file, parquet_file)):
        remaining = _without_index(batch)
        while len(remaining) > room:
            yield _table([*buffered, remaining.slice(0, room)], schema)
            buffered, remaining, room = [], remaining.slice(room), max_rows
        buffered.append(remaining)
        room -= len(remaining)
    yield _table(buffered, schema)


def _without_index(table: pa.Table | pa.RecordBatch) -> pa.Table | pa.RecordBatch:
    """Return the table without the columns in which pandas stores its index."""
    keep = [position for position, name in enumerate(table.schema.names) if not _INDEX.fullmatch(name)]
    return table if len(keep) == table.num_columns else table.select(keep)


def _seconds(file: IO[bytes], parquet_file: pq.ParquetFile) -> pq.ParquetFile | None:
    """Return the same file with instants of 96 bits as seconds; None if it has no such instants."""
    kinds = {parquet_file.schema.column(position).physical_type for position in range(len(parquet_file.schema))}
    return pq.ParquetFile(file, coerce_int96_timestamp_unit="s") if "INT96" in kinds else None


def _batches(file: pq.ParquetFile, seconds: pq.ParquetFile | None) -> Iterator[pa.RecordBatch]:
    """Yield small batches, so that an expanding page is detected before the whole file is in memory."""
    decoded = 0
    int96 = _int96_names(file) if seconds else []
    as_seconds = seconds.iter_batches(batch_size=_BATCH, columns=int96) if seconds else None
    for batch in file.iter_batches(batch_size=_BATCH):
        decoded += batch.nbytes
        if decoded > LARGEST_DECODED:
            raise DataError(f"expected at most {LARGEST_DECODED:,} bytes decoded, got more; land it in parts")
        yield batch if as_seconds is None else _join_int96(batch, next(as_seconds), int96)


def _int96_names(file: pq.ParquetFile) -> list[str]:
    names = file.schema_arrow.names
    return [name for at, name in enumerate(names) if file.schema.column(at).physical_type == "INT96"]


def _join_int96(batch: pa.RecordBatch, seconds: pa.RecordBatch, names: list[str]) -> pa.RecordBatch:
    texts = {name: parquet_types.join_int96(batch.column(name), seconds.column(name)) for name in names}
    arrays = [texts.get(name, array) for name, array in zip(batch.schema.names, batch.columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, batch.schema.names)


def _table(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_batches(batches, batches[0].schema if batches else schema).unify_dictionaries()


def _rows(table: pa.Table, rows_before: int, columns: DeclaredColumns) -> Rows:
    numbers = pd.RangeIndex(rows_before + 1, rows_before + len(table) + 1)
    named = enumerate(zip(table.column_names, table.itercolumns(), strict=True), 1)
    texts = [parquet_types.to_texts(column, at, name, columns) for at, (name, column) in named]
    frame = (
        pa.table(texts, names=table.column_names).to_pandas().set_axis(numbers)
        if texts
        else pd.DataFrame(index=numbers)
    )
    bad = np.zeros(len(frame), bool)
    for at, column in enumerate(texts):
        levels = column.chunk(0).dictionary.to_pylist() if column.num_chunks else []
        if wrong := [level for level in levels if rows.fault([level])]:
            bad |= frame.iloc[:, at].isin(wrong).to_numpy()
    faults = [
        (int(line), json.dumps([cell[:_MAX_CELL_TEXT] for cell in row]), rows.fault(list(row)))
        for line, row in zip(frame.index[bad], frame[bad].itertuples(index=False), strict=True)
    ]
    return Rows(well_formed=frame[~bad] if bad.any() else frame, malformed=rows.malformed(faults))
