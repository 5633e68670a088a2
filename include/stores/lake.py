"""Tables with versions: Delta Lake, one partition a night, each run of a night replaced in one commit."""

import time
from collections.abc import Callable, Collection
from datetime import date
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from include.stores import spool
from include.stores.spool import Spool
from ml.errors import DataError
from ml.nights import Period

NIGHT, ABSENT, _FIRST = "night", -1, 0
# Delta's own default forgets, at a checkpoint, how to read versions of more than 30 days ago, without any vacuum.
_KEEPS_ITS_LOG = {"delta.logRetentionDuration": "interval 36500 days"}
_ATTEMPTS, _PAUSE_SECONDS = 8, 0.2
_Again = Callable[[], pa.Table | pa.RecordBatchReader]


def address(lake: Path, use_case: str, stage: str, table: str) -> str:
    """Return where a table rests, e.g. `<lake>/taxi/valid/rides`."""
    return str(lake / use_case / stage / table)


def replace(uri: str, period: Period, rows: pd.DataFrame | Spool) -> int:
    """Put `rows` in place of the nights of `period` and return the version written: readers see all of them or none.

    `rows` have a text column `night` (ISO date). Two writers at once: the loser tries again on the winner's version.
    """
    data = _again(rows)
    for attempt in range(_ATTEMPTS):
        try:
            return _write(uri, period, data)
        except CommitFailedError:
            if attempt + 1 == _ATTEMPTS:
                raise
            time.sleep(_PAUSE_SECONDS * (attempt + 1))
    raise AssertionError("unreachable")


def _again(rows: pd.DataFrame | Spool) -> _Again | None:
    """Return what gives the rows anew for each try; nothing when there are none."""
    if isinstance(rows, Spool):
        return rows.read if rows.count else None
    table = None if rows.empty else spool.arrow(rows)
    return None if table is None else lambda: table


def _write(uri: str, period: Period, data: _Again | None) -> int:
    """Return the version that this very write made, whoever else writes; `ABSENT` when there is still no table."""
    if not DeltaTable.is_deltatable(uri) and (data is None or _made(uri, data)):
        return ABSENT if data is None else _FIRST
    table = DeltaTable(uri)
    predicate = f"{NIGHT} >= '{period.first}' AND {NIGHT} <= '{period.last}'"
    if data is None:
        table.delete(predicate)
    else:
        write_deltalake(table, data(), mode="overwrite", predicate=predicate)
    return int(table.version())


def _made(uri: str, data: _Again) -> bool:
    """Return whether the table was made of `data`; not when another writer made it first."""
    try:
        write_deltalake(uri, data(), mode="error", partition_by=[NIGHT], configuration=_KEEPS_ITS_LOG)
    except DeltaError:
        if not DeltaTable.is_deltatable(uri):
            raise
        return False
    return True


def read(
    uri: str, first: str = "", last: str = "9999", columns: list[str] | None = None, at_version: int | None = None
) -> pd.DataFrame:
    """Return the rows of the nights `first` to `last` (ISO dates, both included), text columns as objects.

    An absent table has no rows and no columns. `at_version` reads the table as it was then (`ABSENT`: when it was not);
    raises DataError when there is no such version, or a vacuum removed its rows.
    """
    if at_version == ABSENT or not DeltaTable.is_deltatable(uri):
        return pd.DataFrame(columns=columns)
    if at_version is not None:
        _require(uri, at_version)
    scan = pl.scan_delta(uri, version=at_version).filter(pl.col(NIGHT).is_between(pl.lit(first), pl.lit(last)))
    try:
        return (scan if columns is None else scan.select(columns)).collect().to_pandas()
    except FileNotFoundError as gone:
        raise DataError(
            f"version {at_version} of {_name(uri)} cannot be read any more ({gone}): a vacuum removed its rows, because "
            "nothing named that version; ask for one that a night names"
        ) from None


def _require(uri: str, at_version: int) -> None:
    newest = version(uri)
    if not 0 <= at_version <= newest:
        raise DataError(f"expected a version of {_name(uri)} from 0 to {newest}, got {at_version}")


def _name(uri: str) -> str:
    return "/".join(uri.rstrip("/").split("/")[-2:])


def nights(uri: str) -> list[date]:
    """Return the nights of which the table has rows, in order."""
    if not DeltaTable.is_deltatable(uri):
        return []
    return sorted({date.fromisoformat(each[NIGHT]) for each in DeltaTable(uri).partitions()})


def version(uri: str) -> int:
    """Return the table's newest version; `ABSENT` when there is none."""
    return DeltaTable(uri).version() if DeltaTable.is_deltatable(uri) else ABSENT


def vacuum(uri: str, keep: Collection[int], hours: int, *, dry_run: bool = False) -> tuple[str, ...]:
    """Remove the files that only other versions than the newest and those in `keep` need; return which.

    Files that a version of the last `hours` needed stay too, and so do those that a writer is about to commit.
    Raises DataError, and removes nothing, when a version in `keep` is not there.
    """
    if not DeltaTable.is_deltatable(uri):
        return ()
    for each in keep:
        _require(uri, each)
    removed = DeltaTable(uri).vacuum(
        retention_hours=hours,
        dry_run=dry_run,
        enforce_retention_duration=False,
        full=True,
        keep_versions=sorted(keep),
    )
    return tuple(sorted(removed))
