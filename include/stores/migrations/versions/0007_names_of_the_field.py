"""Rename tables, columns and values to the standard terms; a ledger entry marks where the former names end."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from ml.governance import hash_chain
from ml.governance.hash_chain import Entry

revision = "0007"
down_revision = "0006"

TABLES = {"stamps": "file_versions", "reads": "table_reads"}
COLUMNS = {("files", "verdict"): "status", ("scores", "issued_at"): "published_at"}
VALUES = {
    ("files", "status"): {"taken": "ingested", "no table": "unknown table", "withdrawn": "removed"},
    ("alerts", "kind"): {
        "unsound": "infinite_values",
        "unmeasured": "metrics_unavailable",
        "withheld": "scores_held_back",
    },
    ("metrics", "metric"): {
        "answers": "predictions",
        "beyond_values": "out_of_range_values",
        "busiest_per_second": "peak_per_second",
        "fault_share": "error_rate",
        "labels_lacking": "labels_missing",
        "scores_moved": "prediction_drift_psi",
    },
}
PREFIXES = {"beyond_values:": "out_of_range_values:", "missed_": "estimation_error_"}
_COLUMNS = ("seq", "recorded_at", "kind", "use_case", "night", "subject", "payload", "key", "previous", "digest")
_SCORE = "use_case, entity, night, model_digest, score, {at}"


def upgrade() -> None:
    """Rename in one transaction, and append an entry about it if the ledger has entries."""
    _drop_views("standing_scores", "matured")
    for former, today in TABLES.items():
        op.rename_table(former, today)
        _rename_key(former, today)
    for (table, former), today in COLUMNS.items():
        op.alter_column(table, former, new_column_name=today)
    for (table, column), values in VALUES.items():
        _replace_values(table, column, values)
    for former, today in PREFIXES.items():
        _replace_prefix(former, today)
    _create_views("latest_scores", "matured_scores", "published_at")
    _append_to_ledger()


def downgrade() -> None:
    """Rename back; the ledger is append-only and keeps the entry about the upgrade."""
    _drop_views("latest_scores", "matured_scores")
    for former, today in PREFIXES.items():
        _replace_prefix(today, former)
    for (table, column), values in VALUES.items():
        _replace_values(table, column, {today: former for former, today in values.items()})
    for (table, former), today in COLUMNS.items():
        op.alter_column(table, today, new_column_name=former)
    for former, today in TABLES.items():
        op.rename_table(today, former)
        _rename_key(today, former)
    _create_views("standing_scores", "matured", "issued_at")


def _rename_key(former: str, today: str) -> None:
    """Rename the primary key constraint on Postgres; on SQLite it is part of the table's definition."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {today} RENAME CONSTRAINT pk_{former} TO pk_{today}")


def _replace_values(table: str, column: str, values: dict[str, str]) -> None:
    for former, today in values.items():
        statement = sa.text(f"UPDATE {table} SET {column} = :today WHERE {column} = :former")
        op.get_bind().execute(statement, {"today": today, "former": former})


def _replace_prefix(former: str, today: str) -> None:
    column = sa.column("metric", sa.String)
    metrics = sa.table("metrics", column)
    renamed = sa.literal(today) + sa.func.substr(column, len(former) + 1)
    op.get_bind().execute(
        sa.update(metrics).where(column.startswith(former, autoescape=True)).values({column: renamed})
    )


def _drop_views(*names: str) -> None:
    for name in names:
        op.execute(f"DROP VIEW {name}")


def _create_views(latest: str, matured: str, at: str) -> None:
    columns = ", ".join(f"scores.{name}" for name in _SCORE.format(at=at).split(", "))
    op.execute(  # all names are constants of this file
        f"CREATE VIEW {latest} AS SELECT {columns} FROM scores "
        "JOIN (SELECT use_case, MAX(night) AS night FROM scores GROUP BY use_case) newest "
        "ON scores.use_case = newest.use_case AND scores.night = newest.night"
    )
    op.execute(
        f"CREATE VIEW {matured} AS SELECT {columns}, labels.label, labels.known_at FROM scores "
        "JOIN labels ON labels.use_case = scores.use_case AND labels.entity = scores.entity"
    )


def _append_to_ledger() -> None:
    """Append the entry before which former names of kinds and payloads apply; see `ml.governance.former_names`."""
    connection, ledger = op.get_bind(), _ledger()
    last = connection.execute(sa.select(ledger).order_by(ledger.c.seq.desc()).limit(1)).first()
    if last is None:
        return
    draft = Entry(
        kind="upgraded",
        use_case="",
        night=None,
        subject=str(down_revision),
        payload={"from_schema": str(down_revision), "to_schema": revision, "done": ["names of the field"]},
        recorded_at=datetime.now(UTC),
        key=f"upgraded:{revision}",
    )
    before = Entry(
        kind=last.kind,
        use_case=last.use_case,
        night=last.night,
        subject=last.subject,
        payload={},
        recorded_at=draft.recorded_at,
        key=last.key,
        seq=last.seq,
        digest=last.digest,
    )
    entry = hash_chain.link(before, draft)
    moment = entry.recorded_at if connection.dialect.name == "postgresql" else entry.recorded_at.replace(tzinfo=None)
    values = {name: getattr(entry, name) for name in _COLUMNS}
    connection.execute(
        sa.insert(ledger),
        values | {"recorded_at": moment, "payload": hash_chain.canonical_json(entry.payload)},
    )


def _ledger() -> sa.TableClause:
    types = {"seq": sa.BigInteger, "recorded_at": sa.DateTime, "night": sa.Date}
    return sa.table("ledger", *(sa.column(name, types.get(name, sa.String)) for name in _COLUMNS))
