"""Tables with versions: Delta Lake, one partition a night, each run of a night replaced in one commit."""

import time
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from ml.nights import Period

NIGHT = "night"
_ATTEMPTS, _PAUSE_SECONDS = 8, 0.2


def address(lake: Path, use_case: str, stage: str, table: str) -> str:
    """Return where a table rests, e.g. `<lake>/taxi/valid/rides`."""
    return str(lake / use_case / stage / table)


def replace(uri: str, period: Period, frame: pd.DataFrame) -> int:
    """Put `frame` in place of the nights of `period` and return the version written: readers see all of it or none.

    `frame` has a text column `night` (ISO date). Two writers at once: the loser tries again on the winner's version.
    """
    data = None if frame.empty else _arrow(frame)
    for attempt in range(_ATTEMPTS):
        try:
            _write(uri, period, data)
            return version(uri)
        except CommitFailedError:
            if attempt + 1 == _ATTEMPTS:
                raise
            time.sleep(_PAUSE_SECONDS * (attempt + 1))
    raise AssertionError("unreachable")


def _write(uri: str, period: Period, data: pa.Table | None) -> None:
    predicate = f"{NIGHT} >= '{period.first}' AND {NIGHT} <= '{period.last}'"
    if not DeltaTable.is_deltatable(uri) and (data is None or _made(uri, data)):
        return
    if data is None:
        DeltaTable(uri).delete(predicate)
    else:
        write_deltalake(uri, data, mode="overwrite", predicate=predicate)


def _made(uri: str, data: pa.Table) -> bool:
    """Return whether the table was made of `data`; not when another writer made it first."""
    try:
        write_deltalake(uri, data, mode="error", partition_by=[NIGHT])
    except DeltaError:
        if not DeltaTable.is_deltatable(uri):
            raise
        return False
    return True


def read(
    uri: str, first: str = "", last: str = "9999", columns: list[str] | None = None, at_version: int | None = None
) -> pd.DataFrame:
    """Return the rows of the nights `first` to `last` (ISO dates, both included), text columns as objects.

    An absent table has no rows and no columns. `at_version` reads the table as it was then.
    """
    if not DeltaTable.is_deltatable(uri):
        return pd.DataFrame(columns=columns)
    scan = pl.scan_delta(uri, version=at_version).filter(pl.col(NIGHT).is_between(pl.lit(first), pl.lit(last)))
    return (scan if columns is None else scan.select(columns)).collect().to_pandas()


def version(uri: str) -> int:
    """Return the table's newest version; -1 when there is none."""
    return DeltaTable(uri).version() if DeltaTable.is_deltatable(uri) else -1


def _arrow(frame: pd.DataFrame) -> pa.Table:
    """Return `frame` with every object and category column as text, even where a night has no value in it."""
    text = {name: pa.string() for name in frame.select_dtypes(["object", "category"]).columns}
    inferred = pa.Schema.from_pandas(frame, preserve_index=False)
    schema = pa.schema([pa.field(field.name, text.get(field.name, field.type)) for field in inferred])
    return pa.Table.from_pandas(frame.astype(dict.fromkeys(text, object)), schema=schema, preserve_index=False)
