"""Write entries into the ledger's table without `ledger.append`: entries under former names, or a great many.

This module is in tests/stack because `tests.stack.privileges` needs it in containers, which have no other tests.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from include.stores import warehouse
from include.stores.warehouse import tables
from ml.governance import hash_chain
from ml.governance.hash_chain import GENESIS, Entry, Json


def draft(
    kind: str,
    payload: dict[str, Json],
    *,
    key: str,
    use_case: str = "taxi",
    night: date | None = None,
    subject: str = "m1",
    recorded_at: datetime = datetime(2024, 3, 1, tzinfo=UTC),
) -> Entry:
    """Return an entry of any kind and with any payload, not yet linked to the chain."""
    return Entry(
        kind=kind,
        use_case=use_case,
        night=night,
        subject=subject,
        payload=payload,
        recorded_at=recorded_at,
        key=key,
    )


def insert(engine: sa.Engine, drafts: Iterable[Entry]) -> tuple[Entry, ...]:
    """Link `drafts` to the end of the ledger, write them in one transaction, and return the linked entries."""
    columns = tables.ledger.c
    last_rows = sa.select(columns.seq, columns.digest).order_by(columns.seq.desc()).limit(1)
    with warehouse.write_transaction(engine) as connection:
        last: Entry | None = None
        last_row = connection.execute(last_rows).first()
        written = []
        for each in drafts:
            if last is None and last_row is not None:
                last = replace(each, seq=last_row.seq, digest=last_row.digest, previous=GENESIS)
            last = hash_chain.link(last, each)
            written.append(last)
        connection.execute(sa.insert(tables.ledger), [_row(each) for each in written])
    return tuple(written)


def _row(entry: Entry) -> dict[str, Any]:
    values = {column.name: getattr(entry, column.name) for column in tables.ledger.columns}
    return values | {"payload": hash_chain.canonical_json(entry.payload)}
