"""Versioned tables in Delta Lake, one partition per night. A rerun replaces its nights in one commit.

A lake is a folder or `s3://bucket/prefix`. On S3 a commit is one conditional put, so only one of two concurrent writers
succeeds. The server's address and credentials come from the `AWS_...` variables.
"""

import contextlib
import os
import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import unquote

import pandas as pd
import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, QueryBuilder, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from include.stores import lake_schema
from include.stores.files import spool
from include.stores.files.spool import Spool
from ml.errors import DataError, SetupError
from ml.usecase.periods import Period

NIGHT, ABSENT, _FIRST = "night", -1, 0
# By default Delta deletes log entries older than 30 days at a checkpoint. Older versions are then unreadable, even
# without a vacuum.
_LOG_RETENTION = {"delta.logRetentionDuration": "interval 36500 days"}
_ATTEMPTS, _PAUSE_SECONDS = 8, 0.2
# If two writers create a table at the same time, Delta's retry would append the slower one's rows to the faster one's.
_NO_RETRIES = 0
_REQUEST_TIMEOUT = "60s"  # for up to 64 MB
_ROW_GROUP = 131_072  # a reader keeps whole row groups in memory
_ANSI_CODES, _MAX_MESSAGE = re.compile(r"\x1b\[\d*m"), 400

F = TypeVar("F", bound=Callable[..., Any])
_RowSource = Callable[[], pa.Table | pa.RecordBatchReader]


class _Table(DeltaTable):  # type: ignore[misc]
    """A table that names its files as the file system does. Delta names a local file as a URL, with `%20` for a space."""

    def file_uris(self, *args: Any, **kwargs: Any) -> list[str]:
        names = super().file_uris(*args, **kwargs)
        return [unquote(name) if name.startswith("/") else name for name in names]


def address(lake: str | Path, use_case: str, stage: str, table: str) -> str:
    """Return the address of a table, e.g. `<lake>/taxi/valid/rides`."""
    return "/".join((str(lake).rstrip("/"), use_case, stage, table))


def _translate_errors(function: F) -> F:
    """Return `function`, raising SetupError in place of Delta's errors when a bucket is down or denies access."""

    @wraps(function)
    def wrapper(uri: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return function(uri, *args, **kwargs)
        except OSError as error:
            if not uri.startswith("s3://"):
                raise
            message = " ".join(_ANSI_CODES.sub("", str(error)).replace("↳", "").split())
            raise SetupError(
                f"expected the lake to answer at {uri}, but: {message[:_MAX_MESSAGE]}. Start it, or correct "
                "RATCHET_LAKE and the AWS_... variables, and run this again: a night is replaced completely or not "
                "at all"
            ) from None

    return cast("F", wrapper)


def _exists(uri: str) -> bool:
    """Return whether there is a table; raises OSError if its folder cannot be read, which Delta takes for no table."""
    if DeltaTable.is_deltatable(uri):
        return True
    if "://" not in uri:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(Path(uri, "_delta_log")):
            pass
    return False


@_translate_errors
def replace(uri: str, period: Period, rows: pd.DataFrame | Spool) -> int:
    """Replace the nights of `period` by `rows` in one commit, and return the version written.

    `rows` have a text column `night` (ISO date). The table follows a changed contract: columns that only the table has,
    or only `rows`, are kept and empty where they are missing, and a number gets the wider of two types. Raises
    DataError for any other change of a type, unless `period` covers all stored nights. When two writers commit at the
    same time, the loser retries on the winner's version; it raises DataError after too many retries.
    """
    data = _row_source(rows)
    for attempt in range(_ATTEMPTS):
        try:
            return _write(uri, period, data)
        except CommitFailedError as lost:
            if attempt + 1 == _ATTEMPTS:
                raise DataError(
                    f"expected to replace {period.first} to {period.last} of {_short_name(uri)}, but other writers "
                    f"committed first {_ATTEMPTS} times ({lost}): run this again when they are done"
                ) from None
            time.sleep(_PAUSE_SECONDS * (attempt + 1))
    raise AssertionError("unreachable")


def _row_source(rows: pd.DataFrame | Spool) -> _RowSource | None:
    """Return a function that yields the rows again for each attempt; None when there are no rows."""
    if isinstance(rows, Spool):
        return rows.read if rows.count else None
    table = None if rows.empty else spool.to_arrow(rows)
    return None if table is None else lambda: table


def _write(uri: str, period: Period, data: _RowSource | None) -> int:
    """Write once and return the version of this very commit; `ABSENT` when there is still no table."""
    if not _exists(uri) and (data is None or _create(uri, data)):
        return ABSENT if data is None else _FIRST
    table = DeltaTable(uri)
    predicate = f"{NIGHT} >= '{period.first}' AND {NIGHT} <= '{period.last}'"
    if data is None:
        table.delete(predicate)
        return int(table.version())
    new, stored_schema = data(), _schema(table)
    if not lake_schema.is_same(stored_schema, new.schema) and all(night in period for night in _nights(table)):
        _overwrite(table, new)
        return int(table.version())
    change = lake_schema.compare(stored_schema, new.schema, uri)
    if change.widened:
        stored = _stream(_Table(uri, version=table.version()), "SELECT * FROM rows")
        _overwrite(table, lake_schema.cast(stored, change.widened))
    _write_rows(
        table,
        lake_schema.cast(new, change.cast) if change.cast else new,
        predicate=predicate,
        schema_mode="merge" if change.is_reshaped else None,
    )
    return int(table.version())


def _overwrite(table: DeltaTable, rows: pa.Table | pa.RecordBatchReader) -> None:
    """Replace all rows and their schema, in one commit."""
    _write_rows(table, rows, schema_mode="overwrite")


def _write_rows(table: DeltaTable, rows: pa.Table | pa.RecordBatchReader, **options: Any) -> None:
    """Overwrite with `rows`; a DataError of a stream is raised as it is, where Delta would raise its text and a traceback."""
    raised: list[DataError] = []

    def read() -> Iterator[pa.RecordBatch]:
        try:
            yield from rows
        except DataError as error:
            raised.append(error)
            raise

    stream = rows if isinstance(rows, pa.Table) else pa.RecordBatchReader.from_batches(rows.schema, read())
    properties = WriterProperties(max_row_group_size=_ROW_GROUP)
    try:
        write_deltalake(table, stream, mode="overwrite", writer_properties=properties, **options)
    except DeltaError:
        if raised:
            raise raised[0] from None
        raise


def _schema(table: DeltaTable) -> pa.Schema:
    return pa.schema(table.schema().to_arrow())


def _create(uri: str, data: _RowSource) -> bool:
    """Create the table with `data` and return True; return False when another writer created it first."""
    try:
        write_deltalake(
            uri,
            data(),
            mode="error",
            partition_by=[NIGHT],
            configuration=_LOG_RETENTION,
            commit_properties=CommitProperties(max_commit_retries=_NO_RETRIES),
            writer_properties=WriterProperties(max_row_group_size=_ROW_GROUP),
        )
    except DeltaError:
        if not _exists(uri):
            raise
        return False
    return True


@_translate_errors
def append(uri: str, rows: pd.DataFrame, source: str, offset: int) -> bool:
    """Append `rows`, the rows of `source` up to `offset`; return False when another writer was faster.

    Rows and offset are written in one commit, so rows up to `committed_offset` are in the table exactly once. `rows`
    have a text column `night` (ISO date). A column that the table does not have yet is added to it.
    """
    transactions = [Transaction(source, offset)]
    table = DeltaTable(uri) if _exists(uri) else None
    try:
        if table is None:
            write_deltalake(
                uri,
                spool.to_arrow(rows),
                mode="error",
                partition_by=[NIGHT],
                configuration=_LOG_RETENTION,
                commit_properties=CommitProperties(app_transactions=transactions, max_commit_retries=_NO_RETRIES),
            )
        elif (table.transaction_version(source) or 0) < offset:
            write_deltalake(
                table,
                spool.to_arrow(rows),
                mode="append",
                schema_mode="merge",
                commit_properties=CommitProperties(app_transactions=transactions),
            )
    except DeltaError:
        if table is None and not _exists(uri):
            raise
        return False
    return True


@_translate_errors
def committed_offset(uri: str, source: str) -> int:
    """Return the offset up to which the rows of `source` are in the table; 0 when there are none."""
    return (DeltaTable(uri).transaction_version(source) or 0) if _exists(uri) else 0


@_translate_errors
def read(
    uri: str, first: str = "", last: str = "9999", columns: list[str] | None = None, at_version: int | None = None
) -> pd.DataFrame:
    """Return the rows of the nights `first` to `last` (ISO dates, both included), text columns with dtype object.

    An absent table has no rows, and no columns except those requested. `at_version` reads the table at that version
    (`ABSENT`: before it existed). Raises DataError when there is no such version, or when a vacuum removed its files.
    """
    scan = _scan(uri, first, last, columns, at_version)
    if scan is None:
        return pd.DataFrame(columns=columns)
    try:
        rows = scan.collect()
    except FileNotFoundError as gone:
        raise _vacuumed_error(uri, at_version, gone) from None
    return lake_schema.with_exact_numbers(rows.to_pandas(), rows.to_arrow())


def batches(
    uri: str, period: Period, columns: Sequence[str] = (), at_version: int | None = None, length: int = 32_768
) -> Iterator[pd.DataFrame]:
    """Yield the rows of `period` in no order, in frames of `length` rows or slightly more; the last may be shorter.

    Memory does not grow with the number of rows. Without `columns`, all columns are read. `at_version` and the errors
    raised are those of `read`.
    """
    parts, waiting = _translate_errors(_batches)(uri, period, columns, at_version), list[pa.RecordBatch]()
    while (part := _translate_errors(_next)(uri, parts)) is not None:
        waiting.append(part)
        if sum(each.num_rows for each in waiting) >= length:
            yield _to_pandas(waiting)
            waiting = []
    if waiting:
        yield _to_pandas(waiting)


def _to_pandas(parts: Sequence[pa.RecordBatch]) -> pd.DataFrame:
    table = pa.Table.from_batches(parts)
    return lake_schema.with_exact_numbers(table.to_pandas(), table)


def _batches(uri: str, period: Period, columns: Sequence[str], at_version: int | None) -> Iterator[pa.RecordBatch]:
    """Return record batches as they are decoded. Polars' batches held 1.9 GB for a table of 3.4 million rows."""
    if at_version == ABSENT or not _exists(uri):
        return iter(())
    if at_version is not None:
        _check_version(uri, at_version)
    wanted = ", ".join(f'"{name}"' for name in columns) or "*"
    # Dates and declared column names only.
    query = f"SELECT {wanted} FROM rows WHERE {NIGHT} >= '{period.first}' AND {NIGHT} <= '{period.last}'"  # noqa: S608
    return (each for each in _stream(_table_at(uri, at_version), query) if each.num_rows)


def _stream(table: DeltaTable, query: str) -> pa.RecordBatchReader:
    """Return the answer to `query` on the table's `rows`, decoded as it is read, so that memory does not grow with it."""
    return pa.RecordBatchReader.from_stream(QueryBuilder().register("rows", table).execute(query))


def _table_at(uri: str, at_version: int | None) -> DeltaTable:
    try:
        return _Table(uri, version=at_version)
    except DeltaError as gone:
        if at_version is None:
            raise
        raise _vacuumed_error(uri, at_version, gone) from None


def _next(uri: str, parts: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
    try:
        return next(parts, None)
    except (FileNotFoundError, DeltaError, pa.ArrowException) as gone:
        raise _vacuumed_error(uri, None, gone) from None


@_translate_errors
def count(uri: str, first: str = "", last: str = "9999", at_version: int | None = None) -> int:
    """Return the number of rows that `read` would return."""
    scan = _scan(uri, first, last, None, at_version)
    return 0 if scan is None else int(scan.select(pl.len()).collect().item())


def _scan(uri: str, first: str, last: str, columns: list[str] | None, at_version: int | None) -> pl.LazyFrame | None:
    if at_version == ABSENT or not _exists(uri):
        return None
    if at_version is not None:
        _check_version(uri, at_version)
    scan = pl.scan_delta(_table_at(uri, at_version), storage_options=_storage_options(uri))
    scan = scan.filter(pl.col(NIGHT).is_between(pl.lit(first), pl.lit(last)))
    return scan if columns is None else scan.select(columns)


def _storage_options(uri: str) -> dict[str, str] | None:
    """Return how Polars reads a bucket: with a limit on each request, and the credentials that boto3 finds; None for a folder.

    Polars sets no limit by itself, and would wait forever for a store that accepts a request and never answers. It
    looks for credentials by itself, but for a table that is open already only in environment variables.
    """
    if not uri.startswith("s3://"):
        return None
    import boto3

    options, credentials = {"timeout": _REQUEST_TIMEOUT}, boto3.Session().get_credentials()
    if credentials is None:
        return options
    keys = credentials.get_frozen_credentials()
    named = {
        "aws_access_key_id": keys.access_key,
        "aws_secret_access_key": keys.secret_key,
        "aws_session_token": keys.token,
    }
    return options | {name: value for name, value in named.items() if value}


def _vacuumed_error(uri: str, at_version: int | None, gone: Exception) -> DataError:
    return DataError(
        f"version {at_version} of {_short_name(uri)} cannot be read any more ({' '.join(str(gone).split())[:_MAX_MESSAGE]}): a vacuum "
        "removed its files, because no night refers to that version, or only nights past their retention "
        "(Retention.versions); read a version that a later night refers to"
    )


def _check_version(uri: str, at_version: int) -> None:
    newest = version(uri)
    if not 0 <= at_version <= newest:
        raise DataError(f"expected a version of {_short_name(uri)} from 0 to {newest}, got {at_version}")


def _short_name(uri: str) -> str:
    return "/".join(uri.rstrip("/").split("/")[-2:])


@_translate_errors
def nights(uri: str) -> list[date]:
    """Return the nights that have rows in the table, in order."""
    if not _exists(uri):
        return []
    return _nights(DeltaTable(uri))


def _nights(table: DeltaTable) -> list[date]:
    return sorted({date.fromisoformat(each[NIGHT]) for each in table.partitions()})


@_translate_errors
def columns(uri: str) -> tuple[str, ...]:
    """Return the names of the table's columns; none when there is no table."""
    return tuple(_schema(DeltaTable(uri)).names) if _exists(uri) else ()


@_translate_errors
def version(uri: str) -> int:
    """Return the table's newest version; `ABSENT` when there is no table."""
    return DeltaTable(uri).version() if _exists(uri) else ABSENT


@_translate_errors
def vacuum(uri: str, keep: Collection[int], hours: int, *, dry_run: bool = False) -> tuple[str, ...]:
    """Remove the files that neither the newest version nor a version in `keep` needs; return their names.

    Files that a version of the last `hours` needed are kept too, as are those that a writer is about to commit. Raises
    DataError, and removes nothing, when a version in `keep` does not exist.
    """
    if not _exists(uri):
        return ()
    for each in keep:
        _check_version(uri, each)
    removed = DeltaTable(uri).vacuum(
        retention_hours=hours,
        dry_run=dry_run,
        enforce_retention_duration=False,
        full=True,
        keep_versions=sorted(keep),
    )
    return tuple(sorted(removed))
