"""The tables and views of the warehouse. `include/stores/migrations` creates them in a database."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ml.errors import DataError


class Instant(sa.types.TypeDecorator[datetime]):
    """A moment in UTC: `timestamptz` on Postgres, UTC without a zone on SQLite, zone-aware in Python."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return `value` in UTC; raises DataError when it has no time zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise DataError(
                f"expected a datetime with a time zone, got {value.isoformat()}; use datetime.now(UTC) or .astimezone()"
            )
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return `value` as zone-aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


METADATA = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

scores = sa.Table(
    "scores",
    METADATA,
    sa.Column("use_case", sa.String, primary_key=True),
    sa.Column("entity", sa.String, primary_key=True),
    sa.Column("night", sa.Date, primary_key=True),
    sa.Column("model_digest", sa.String, primary_key=True),
    sa.Column("score", sa.Double, nullable=False),
    sa.Column("published_at", Instant, nullable=False),
    sa.Column("features_version", sa.BigInteger),
    sa.Column("out_of_sample", sa.Boolean),
    sa.Index(None, "use_case", "night"),
)

labels = sa.Table(
    "labels",
    METADATA,
    sa.Column("use_case", sa.String, primary_key=True),
    sa.Column("entity", sa.String, primary_key=True),
    sa.Column("night", sa.Date, nullable=False),
    sa.Column("label", sa.Double, nullable=False),
    sa.Column("known_at", Instant, nullable=False),
    sa.Column("landed", sa.Date),
    sa.Index(None, "use_case", "known_at"),
)

files = sa.Table(
    "files",
    METADATA,
    sa.Column("use_case", sa.String, primary_key=True),
    sa.Column("period", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("source_table", sa.String, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("rows_in", sa.BigInteger, nullable=False),
    sa.Column("rows_valid", sa.BigInteger, nullable=False),
    sa.Column("rows_quarantined", sa.BigInteger, nullable=False),
    sa.CheckConstraint("rows_in = rows_valid + rows_quarantined", name="nothing_lost"),
    sa.Index(None, "use_case", "sha256"),
)

file_versions = sa.Table(
    "file_versions",
    METADATA,
    sa.Column("use_case", sa.String, primary_key=True),
    sa.Column("period", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("stamp", sa.String, nullable=False),
)

ingestions = sa.Table(
    "ingestions",
    METADATA,
    sa.Column("use_case", sa.String, primary_key=True),
    sa.Column("night", sa.Date, primary_key=True),
    sa.Column("source_table", sa.String, primary_key=True),
    sa.Column("rows_in", sa.BigInteger, nullable=False),
    sa.Column("rows_valid", sa.BigInteger, nullable=False),
    sa.Column("rows_quarantined", sa.BigInteger, nullable=False),
    sa.CheckConstraint("rows_in = rows_valid + rows_quarantined", name="nothing_lost"),
)

metrics = sa.Table(
    "metrics",
    METADATA,
    sa.Column("use_case", sa.String, primary_key=True),
    sa.Column("night", sa.Date, primary_key=True),
    sa.Column("model_digest", sa.String, primary_key=True),
    sa.Column("slice", sa.String, primary_key=True),
    sa.Column("metric", sa.String, primary_key=True),
    sa.Column("value", sa.Double),
    sa.Column("low", sa.Double),
    sa.Column("high", sa.Double),
    sa.Column("n", sa.BigInteger, nullable=False),
    sa.Column("out_of_sample", sa.Boolean),
    sa.Index(None, "use_case", "metric", "night", "slice"),
)

alerts = sa.Table(
    "alerts",
    METADATA,
    sa.Column("use_case", sa.String, primary_key=True),
    sa.Column("night", sa.Date, primary_key=True),
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("subject", sa.String, primary_key=True),
    sa.Column("message", sa.String, nullable=False),
)

table_reads = sa.Table(
    "table_reads",
    METADATA,
    sa.Column("use_case", sa.String, primary_key=True),
    sa.Column("night", sa.Date, primary_key=True),
    sa.Column("stage", sa.String, primary_key=True),
    sa.Column("product", sa.String, primary_key=True),
    sa.Column("source_table", sa.String, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
)

snapshots = sa.Table(
    "snapshots",
    METADATA,
    sa.Column("use_case", sa.String, primary_key=True),
    sa.Column("snapshot", sa.String, primary_key=True),
    sa.Column("night", sa.Date, nullable=False),
    sa.Column("manifest", sa.Text, nullable=False),
)

ledger = sa.Table(
    "ledger",
    METADATA,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("use_case", sa.String, nullable=False),
    sa.Column("night", sa.Date),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("key", sa.String, nullable=False, unique=True),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Index(None, "use_case", "kind", "night"),
)


def _score_columns() -> tuple[sa.Column[Any], ...]:
    """Return the columns of a published score in a view; a new set for each view."""
    return (
        sa.Column("use_case", sa.String),
        sa.Column("entity", sa.String),
        sa.Column("night", sa.Date),
        sa.Column("model_digest", sa.String),
        sa.Column("score", sa.Double),
        sa.Column("published_at", Instant),
        sa.Column("out_of_sample", sa.Boolean),
    )


latest_scores = sa.Table(
    "latest_scores",
    sa.MetaData(),
    *_score_columns(),
)

matured_scores = sa.Table(
    "matured_scores",
    sa.MetaData(),
    *_score_columns(),
    sa.Column("label", sa.Double),
    sa.Column("known_at", Instant),
)
