"""Whole tables of the warehouse, row by row in the order of their keys, to compare and copy databases.

Texts are ordered by their bytes, whatever the collation of a Postgres database, so that two databases agree.
"""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import sqlalchemy as sa

from include.stores.warehouse import database, tables
from ml.governance.sync_diff import Row

_ROWS_AT_ONCE = 5_000


def read_ordered(url: str, table: sa.Table) -> Iterator[Row]:
    """Yield every row of `table`, key columns first, in constant memory; no rows if there is no warehouse at `url`."""
    if not database.exists(url):
        return
    query = sa.select(*columns(table)).order_by(*_key_in_byte_order(table, sa.make_url(url).get_backend_name()))
    with database.engine(url).connect() as connection:
        result = connection.execution_options(stream_results=True, yield_per=_ROWS_AT_ONCE).execute(query)
        for row in result:
            yield cast("Row", tuple(row))


def columns(table: sa.Table) -> list[sa.Column[Any]]:
    """Return the columns in the order of `read_ordered`: the key columns, then the others."""
    keys = list(table.primary_key)
    return [*keys, *(column for column in table.columns if column not in keys)]


def put(url: str, table: sa.Table, rows: Sequence[Row], deleted: Sequence[Row] = ()) -> None:
    """Upsert `rows` and delete the rows with the keys of `deleted`, in one transaction.

    Existing rows of `scores` and `ledger` are never replaced.
    """
    names = [column.name for column in columns(table)]
    append_only = table in (tables.scores, tables.ledger)
    with database.write_transaction(database.engine(url), lock=table.name) as connection:
        if deleted:
            keys = list(table.primary_key)
            wanted = sa.and_(*(column == sa.bindparam(f"gone_{column.name}") for column in keys))
            parameters = [dict(zip((f"gone_{column.name}" for column in keys), row, strict=False)) for row in deleted]
            connection.execute(sa.delete(table).where(wanted), parameters)
        database.upsert(
            connection, table, [dict(zip(names, row, strict=True)) for row in rows], replace=not append_only
        )


def _key_in_byte_order(table: sa.Table, backend: str) -> Iterator[sa.ColumnElement[Any]]:
    for column in table.primary_key:
        is_text = isinstance(column.type, sa.String) and backend == "postgresql"
        yield sa.collate(column, "C") if is_text else column
