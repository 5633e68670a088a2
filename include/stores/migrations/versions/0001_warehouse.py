"""The warehouse: scores, labels, ingestions, metrics, alerts, the ledger and the view `matured`."""

from textwrap import dedent

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

MATURED_VIEW = """
    CREATE VIEW matured AS
    SELECT scores.use_case, scores.entity, scores.night, scores.model_digest, scores.score, scores.issued_at,
           labels.label, labels.known_at
    FROM scores JOIN labels ON labels.use_case = scores.use_case AND labels.entity = scores.entity
"""
PROTECTED = {
    "scores": (("UPDATE",), "a score once issued is never rewritten"),
    "ledger": (("UPDATE", "DELETE"), "the ledger is only appended to"),
}


def upgrade() -> None:
    """Create the tables, the view, and the triggers that forbid changes to `scores` and `ledger`."""
    _create_predictions()
    _create_reports()
    _create_ledger()
    op.execute(dedent(MATURED_VIEW))
    for table, (verbs, why) in PROTECTED.items():
        _forbid(table, verbs, why)


def downgrade() -> None:
    """Drop everything, including the ledger's history."""
    op.execute("DROP VIEW matured")
    for table in ("ledger", "alerts", "metrics", "ingestions", "labels", "scores"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for table in PROTECTED:
            op.execute(f"DROP FUNCTION {table}_refuses_change()")


def _create_predictions() -> None:
    op.create_table(
        "scores",
        sa.Column("use_case", sa.String(), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("model_digest", sa.String(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("use_case", "entity", "night", "model_digest", name="pk_scores"),
    )
    op.create_index("ix_scores_use_case_night", "scores", ["use_case", "night"])
    op.create_table(
        "labels",
        sa.Column("use_case", sa.String(), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("label", sa.Double(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("use_case", "entity", name="pk_labels"),
    )
    op.create_index("ix_labels_use_case_known_at", "labels", ["use_case", "known_at"])


def _create_reports() -> None:
    op.create_table(
        "ingestions",
        sa.Column("use_case", sa.String(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("source_table", sa.String(), nullable=False),
        sa.Column("rows_in", sa.BigInteger(), nullable=False),
        sa.Column("rows_valid", sa.BigInteger(), nullable=False),
        sa.Column("rows_quarantined", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("rows_in = rows_valid + rows_quarantined", name=op.f("ck_ingestions_nothing_lost")),
        sa.PrimaryKeyConstraint("use_case", "night", "source_table", name="pk_ingestions"),
    )
    op.create_table(
        "metrics",
        sa.Column("use_case", sa.String(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("model_digest", sa.String(), nullable=False),
        sa.Column("slice", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("value", sa.Double()),
        sa.Column("low", sa.Double()),
        sa.Column("high", sa.Double()),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("use_case", "night", "model_digest", "slice", "metric", name="pk_metrics"),
    )
    op.create_table(
        "alerts",
        sa.Column("use_case", sa.String(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("use_case", "night", "kind", "subject", name="pk_alerts"),
    )


def _create_ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("use_case", sa.String(), nullable=False),
        sa.Column("night", sa.Date()),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_ledger"),
        sa.UniqueConstraint("key", name="uq_ledger_key"),
    )
    op.create_index("ix_ledger_use_case_kind_night", "ledger", ["use_case", "kind", "night"])


def _forbid(table: str, verbs: tuple[str, ...], why: str) -> None:
    """Create triggers that reject `verbs` on `table`, in the dialect of this database."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in verbs:
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{why}'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_refuses_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{why}'; END $$"
    )
    triggers = {"row": ("ROW", verbs)} | ({"truncate": ("STATEMENT", ("TRUNCATE",))} if "DELETE" in verbs else {})
    for name, (level, events) in triggers.items():
        op.execute(
            f"CREATE TRIGGER {table}_refuses_{name} BEFORE {' OR '.join(events)} ON {table} "
            f"FOR EACH {level} EXECUTE FUNCTION {table}_refuses_change()"
        )
