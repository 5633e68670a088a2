"""Marks on scores and metrics: whether their night lies after all that their model learned from; null is unknown."""

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from include.stores.warehouse import database, tables

_ALL_ROWS = "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkedRows:
    """How many scores and metrics were marked."""

    scores: int
    metrics: int


def unmarked_models(engine: sa.Engine) -> tuple[str, ...]:
    """Return the digests of the models that have scores without a mark, sorted."""
    column = tables.scores.c
    query = sa.select(column.model_digest).where(column.out_of_sample.is_(None)).distinct()
    with engine.connect() as connection:
        return tuple(sorted(connection.scalars(query)))


def count_unmarked(engine: sa.Engine) -> int:
    """Return the number of scores without a mark."""
    with engine.connect() as connection:
        query = sa.select(sa.func.count()).select_from(tables.scores).where(tables.scores.c.out_of_sample.is_(None))
        return connection.scalar(query) or 0


def mark(engine: sa.Engine, model_digest: str, learned_until: date | None, *, is_complete: bool) -> MarkedRows:
    """Mark the unmarked scores of a model, and its metrics of single nights; return how many rows were marked.

    Nights up to `learned_until` are in sample; later ones are out of sample if `is_complete`, else they stay unknown.
    Metrics of slices are of a window of nights and stay unknown.
    """
    with database.write_transaction(engine) as connection:
        scores, metrics = (
            _mark(connection, table, model_digest, learned_until, *conditions, is_complete=is_complete)
            for table, conditions in (
                (tables.scores, ()),
                (tables.metrics, (tables.metrics.c.slice == _ALL_ROWS,)),
            )
        )
    return MarkedRows(scores=scores, metrics=metrics)


def _mark(
    connection: sa.Connection,
    table: sa.Table,
    model_digest: str,
    learned_until: date | None,
    *conditions: sa.ColumnElement[bool],
    is_complete: bool,
) -> int:
    column, marked = table.c, 0
    unmarked = (column.model_digest == model_digest, column.out_of_sample.is_(None), *conditions)
    if learned_until is not None:
        in_sample = sa.update(table).where(*unmarked, column.night <= learned_until).values(out_of_sample=False)
        marked += connection.execute(in_sample).rowcount
    if is_complete:
        marked += connection.execute(sa.update(table).where(*unmarked).values(out_of_sample=True)).rowcount
    return marked
