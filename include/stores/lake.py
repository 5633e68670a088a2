"""Tables with versions: Delta Lake, one partition a night, each run of a night replaced in one commit.

A lake is a folder, or `s3://bucket/prefix`: there a commit is one conditional put, which only one of two writers gets.
Address and credentials of the server are AWS's own variables.
"""

import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import pandas as pd
import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, QueryBuilder, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from include.stores.files import spool
from include.stores.files.spool import Spool
from ml.errors import DataError, SetupError
from ml.usecase.periods import Period

NIGHT, ABSENT, _FIRST = "night", -1, 0
# Delta's own default forgets, at a checkpoint, how to read versions of more than 30 days ago, without any vacuum.
_LOG_RETENTION = {"delta.logRetentionDuration": "interval 36500 days"}
_ATTEMPTS, _PAUSE_SECONDS = 8, 0.2
# Of two writers that make a table at once, Delta's retry would let the slower one add its rows to those of the faster.
_NO_RETRIES = 0
_ROW_GROUP = 131_072  # a reader holds whole groups of rows
_ANSI_CODES, _MAX_MESSAGE = re.compile(r"\x1b\[\d*m"), 400

F = TypeVar("F", bound=Callable[..., Any])
_RowSource = Callable[[], pa.Table | pa.RecordBatchReader]


def address(lake: str | Path, use_case: str, stage: str, table: str) -> str:
    """Return where a table rests, e.g. `<lake>/taxi/valid/rides`."""
    return "/".join((str(lake).rstrip("/"), use_case, stage, table))


def _translate_errors(function: F) -> F:
    """Return `do`, which raises SetupError in place of what Delta says when a bucket is away or does not let us in."""

    @wraps(function)
    def wrapper(uri: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return function(uri, *args, **kwargs)
        except OSError as error:
            if not uri.startswith("s3://"):
                raise
            message = " ".join(_ANSI_CODES.sub("", str(error)).replace("↳", "").split())
            raise SetupError(
                f"expected the lake to answer at {uri}, but: {message[:_MAX_MESSAGE]}. Start it, or mend RATCHET_LAKE and the AWS_... "
                "variables, and run this again: a night is replaced whole or not at all"
            ) from None

    return cast("F", wrapper)


@_translate_errors
def replace(uri: str, period: Period, rows: pd.DataFrame | Spool, *, merge_schema: bool = False) -> int:
    """Put `rows` in place of the nights of `period` and return the version written: readers see all of it or none.

    `rows` have a text column `night` (ISO date). Columns that the table lacks are refused, or with `widen` added, empty
    in all other nights; and so are those that `rows` lack. Two writers at once: the loser tries again on the winner's
    version, and raises DataError when it lost too often.
    """
    data = _row_source(rows)
    for attempt in range(_ATTEMPTS):
        try:
            return _write(uri, period, data, merge_schema)
        except CommitFailedError as lost:
            if attempt + 1 == _ATTEMPTS:
                raise DataError(
                    f"expected to replace {period.first} to {period.last} of {_short_name(uri)}, but other writers were faster "
                    f"{_ATTEMPTS} times ({lost}): run this again when they are done"
                ) from None
            time.sleep(_PAUSE_SECONDS * (attempt + 1))
    raise AssertionError("unreachable")


def _row_source(rows: pd.DataFrame | Spool) -> _RowSource | None:
    """Return what gives the rows anew for each try; nothing when there are none."""
    if isinstance(rows, Spool):
        return rows.read if rows.count else None
    table = None if rows.empty else spool.to_arrow(rows)
    return None if table is None else lambda: table


def _write(uri: str, period: Period, data: _RowSource | None, merge_schema: bool) -> int:
    """Return the version that this very write made, whoever else writes; `ABSENT` when there is still no table."""
    if not DeltaTable.is_deltatable(uri) and (data is None or _create(uri, data)):
        return ABSENT if data is None else _FIRST
    table = DeltaTable(uri)
    predicate = f"{NIGHT} >= '{period.first}' AND {NIGHT} <= '{period.last}'"
    if data is None:
        table.delete(predicate)
    else:
        write_deltalake(
            table,
            data(),
            mode="overwrite",
            predicate=predicate,
            schema_mode="merge" if merge_schema else None,
            writer_properties=WriterProperties(max_row_group_size=_ROW_GROUP),
        )
    return int(table.version())


def _create(uri: str, data: _RowSource) -> bool:
    """Return whether the table was made of `data`; not when another writer made it first."""
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
        if not DeltaTable.is_deltatable(uri):
            raise
        return False
    return True


@_translate_errors
def append(uri: str, rows: pd.DataFrame, source: str, offset: int) -> bool:
    """Add `rows`, which are those of `source` up to the place `end`; return False when another writer was faster.

    Rows and place are written in one commit, so that what `taken` says is in the table once. `rows` have a text column
    `night` (ISO date).
    """
    transactions = [Transaction(source, offset)]
    table = DeltaTable(uri) if DeltaTable.is_deltatable(uri) else None
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
                commit_properties=CommitProperties(app_transactions=transactions),
            )
    except DeltaError:
        if table is None and not DeltaTable.is_deltatable(uri):
            raise
        return False
    return True


@_translate_errors
def committed_offset(uri: str, source: str) -> int:
    """Return up to which place the rows of `source` are in the table."""
    return (DeltaTable(uri).transaction_version(source) or 0) if DeltaTable.is_deltatable(uri) else 0


@_translate_errors
def read(
    uri: str, first: str = "", last: str = "9999", columns: list[str] | None = None, at_version: int | None = None
) -> pd.DataFrame:
    """Return the rows of the nights `first` to `last` (ISO dates, both included), text columns as objects.

    An absent table has no rows and no columns. `at_version` reads the table as it was then (`ABSENT`: when it was not);
    raises DataError when there is no such version, or a vacuum removed its rows.
    """
    scan = _scan(uri, first, last, columns, at_version)
    if scan is None:
        return pd.DataFrame(columns=columns)
    try:
        return scan.collect().to_pandas()
    except FileNotFoundError as gone:
        raise _vacuumed_error(uri, at_version, gone) from None


def batches(
    uri: str, period: Period, columns: Sequence[str] = (), at_version: int | None = None, length: int = 32_768
) -> Iterator[pd.DataFrame]:
    """Yield the rows of `period` in frames of `length` rows or some more, the last one shorter; in no order.

    Memory does not grow with the rows. All columns unless told otherwise; `at_version` and what is raised are as of `read`.
    """
    parts, waiting = _translate_errors(_batches)(uri, period, columns, at_version), list[pa.RecordBatch]()
    while (part := _translate_errors(_next)(uri, parts)) is not None:
        waiting.append(part)
        if sum(each.num_rows for each in waiting) >= length:
            yield pa.Table.from_batches(waiting).to_pandas()
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting).to_pandas()


def _batches(uri: str, period: Period, columns: Sequence[str], at_version: int | None) -> Iterator[pa.RecordBatch]:
    """Return a night's rows as they are decoded: Polars' own batches held 1.9 GB of a table of 3.4 million rows."""
    if at_version == ABSENT or not DeltaTable.is_deltatable(uri):
        return iter(())
    if at_version is not None:
        _check_version(uri, at_version)
    wanted = ", ".join(f'"{name}"' for name in columns) or "*"
    query = f"SELECT {wanted} FROM rows WHERE {NIGHT} >= '{period.first}' AND {NIGHT} <= '{period.last}'"  # noqa: S608 - two dates, and columns that we declared
    result = QueryBuilder().register("rows", DeltaTable(uri, version=at_version)).execute(query)
    return (each for each in pa.RecordBatchReader.from_stream(result) if each.num_rows)


def _next(uri: str, parts: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
    try:
        return next(parts, None)
    except (FileNotFoundError, DeltaError, pa.ArrowException) as gone:
        raise _vacuumed_error(uri, None, gone) from None


@_translate_errors
def count(uri: str, first: str = "", last: str = "9999", at_version: int | None = None) -> int:
    """Return how many rows `read` would return."""
    scan = _scan(uri, first, last, None, at_version)
    return 0 if scan is None else int(scan.select(pl.len()).collect().item())


def _scan(uri: str, first: str, last: str, columns: list[str] | None, at_version: int | None) -> pl.LazyFrame | None:
    if at_version == ABSENT or not DeltaTable.is_deltatable(uri):
        return None
    if at_version is not None:
        _check_version(uri, at_version)
    scan = pl.scan_delta(uri, version=at_version).filter(pl.col(NIGHT).is_between(pl.lit(first), pl.lit(last)))
    return scan if columns is None else scan.select(columns)


def _vacuumed_error(uri: str, at_version: int | None, gone: Exception) -> DataError:
    return DataError(
        f"version {at_version} of {_short_name(uri)} cannot be read any more ({str(gone)[:_MAX_MESSAGE]}): a vacuum removed its rows, because "
        "nothing named that version; ask for one that a night names"
    )


def _check_version(uri: str, at_version: int) -> None:
    newest = version(uri)
    if not 0 <= at_version <= newest:
        raise DataError(f"expected a version of {_short_name(uri)} from 0 to {newest}, got {at_version}")


def _short_name(uri: str) -> str:
    return "/".join(uri.rstrip("/").split("/")[-2:])


@_translate_errors
def nights(uri: str) -> list[date]:
    """Return the nights of which the table has rows, in order."""
    if not DeltaTable.is_deltatable(uri):
        return []
    return sorted({date.fromisoformat(each[NIGHT]) for each in DeltaTable(uri).partitions()})


@_translate_errors
def version(uri: str) -> int:
    """Return the table's newest version; `ABSENT` when there is none."""
    return DeltaTable(uri).version() if DeltaTable.is_deltatable(uri) else ABSENT


@_translate_errors
def vacuum(uri: str, keep: Collection[int], hours: int, *, dry_run: bool = False) -> tuple[str, ...]:
    """Remove the files that only other versions than the newest and those in `keep` need; return which.

    Files that a version of the last `hours` needed stay too, and so do those that a writer is about to commit.
    Raises DataError, and removes nothing, when a version in `keep` is not there.
    """
    if not DeltaTable.is_deltatable(uri):
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
