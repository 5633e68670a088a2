"""Whole tables, in an order that every database has, a few rows in memory at a time."""

from datetime import UTC, date, datetime

import pandas as pd
import pytest
import sqlalchemy as sa

from include.stores import warehouse
from include.stores.warehouse import rows, tables
from tests import postgres as postgres_server
from tests import published

NIGHT, AT = date(2024, 3, 1), datetime(2024, 3, 1, 2, tzinfo=UTC)
ENTITIES = ("b", "B", "a", "é", "e", "ä-1", "a_1", "Z", "10", "9", "\U0001f6b2")


def issue(engine: sa.Engine, *entities: str) -> None:
    frame = pd.DataFrame({"entity": list(entities), "score": [index / 3 for index in range(len(entities))]})
    published.publish(engine, "taxi", NIGHT, "d" * 64, frame, AT)


def test_rows_come_key_first_in_the_order_of_their_bytes(url: str, engine: sa.Engine) -> None:
    issue(engine, *ENTITIES)
    result = list(rows.read_ordered(url, tables.scores))
    assert [row[1] for row in result] == sorted(ENTITIES)
    assert result[0] == ("taxi", "10", NIGHT, "d" * 64, 8 / 3, AT, None, True)


@pytest.mark.servers
def test_the_order_is_the_same_in_a_postgres_of_another_language(postgres: postgres_server.Server) -> None:
    url = postgres.database("TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de' ")
    warehouse.migrate(url)
    engine = warehouse.engine(url)
    issue(engine, *ENTITIES)
    with engine.connect() as connection:
        column = tables.scores.c.entity
        assert list(connection.scalars(sa.select(column).order_by(column))) != sorted(ENTITIES)
    assert [row[1] for row in rows.read_ordered(url, tables.scores)] == sorted(ENTITIES)
    engine.dispose()


def test_where_no_warehouse_was_made_there_are_no_rows_and_none_is_made(url: str) -> None:
    assert list(rows.read_ordered(url, tables.scores)) == []
    assert not warehouse.exists(url)


def test_rows_are_put_replaced_and_removed_in_one_step(url: str, engine: sa.Engine) -> None:
    kept, old, gone = (("taxi", NIGHT, "late", subject, "said") for subject in ("kept", "old", "gone"))
    rows.put(url, tables.alerts, [kept, old, gone])
    rows.put(url, tables.alerts, [(*old[:4], "said anew")], [gone])
    assert list(rows.read_ordered(url, tables.alerts)) == [kept, (*old[:4], "said anew")]


def test_rows_can_be_put_while_others_are_still_read(url: str, engine: sa.Engine) -> None:
    issue(engine, *(f"{number:05d}" for number in range(6_000)))
    result = rows.read_ordered(url, tables.scores)
    first = next(result)
    rows.put(url, tables.scores, [("taxi", "new", *first[2:])])
    assert sum(1 for _ in result) == 5_999
