"""Rows of the warehouse by night, and their removal: those of old nights, or all of one use case.

The ledger is never touched.
"""

from collections.abc import Collection
from datetime import date
from typing import Any

import sqlalchemy as sa

from include.stores.warehouse import database, tables
from ml.usecase import periods

# What is compared with another table goes before it: a night that was ingested must have scores, and a file of a recorded
# period must have a version.
SCORES = (tables.ingestions, tables.scores, tables.labels, tables.files, tables.file_versions)
METRICS = (tables.metrics, tables.alerts)
VERSIONS = (tables.table_reads,)
SNAPSHOTS = (tables.snapshots,)
_ALL = (*SCORES, *METRICS, *VERSIONS, *SNAPSHOTS)  # every table but the ledger
_IN_ONE_STATEMENT = 500


def count_by_night(engine: sa.Engine, table: sa.Table, use_case: str) -> dict[date, int]:
    """Return the number of rows of each night; a row of a period counts for its last night."""
    column = _night_column(table)
    query = sa.select(column, sa.func.count()).where(table.c.use_case == use_case).group_by(column)
    counts: dict[date, int] = {}
    with engine.connect() as connection:
        for value, count in connection.execute(query):
            counts[_night(value)] = counts.get(_night(value), 0) + count
    return dict(sorted(counts.items()))


def delete_nights(engine: sa.Engine, table: sa.Table, use_case: str, nights: Collection[date]) -> int:
    """Delete the rows of `nights`, of all or none in each transaction, and return how many there were."""
    column, deleted = _night_column(table), 0
    values = _values(engine, table, use_case, frozenset(nights))
    for start in range(0, len(values), _IN_ONE_STATEMENT):
        condition = column.in_(values[start : start + _IN_ONE_STATEMENT])
        with database.write_transaction(engine) as connection:
            deleted += connection.execute(
                sa.delete(table).where(table.c.use_case == use_case, condition),
                execution_options={"preserve_rowcount": True},
            ).rowcount
    return deleted


def delete_use_case(engine: sa.Engine, use_case: str) -> int:
    """Delete every row of the use case but those of the ledger, in one transaction, and return how many there were."""
    with database.write_transaction(engine) as connection:
        return sum(
            connection.execute(
                sa.delete(table).where(table.c.use_case == use_case), execution_options={"preserve_rowcount": True}
            ).rowcount
            for table in _ALL
        )


def _values(engine: sa.Engine, table: sa.Table, use_case: str, nights: frozenset[date]) -> list[date | str]:
    """Return the stored values of the night column that belong to `nights`."""
    column = _night_column(table)
    with engine.connect() as connection:
        stored = connection.scalars(sa.select(column).where(table.c.use_case == use_case).distinct()).all()
    return sorted(value for value in stored if _night(value) in nights)


def _night_column(table: sa.Table) -> sa.Column[Any]:
    return table.c.night if "night" in table.c else table.c.period


def _night(value: date | str) -> date:
    return periods.parse(value).last if isinstance(value, str) else value
