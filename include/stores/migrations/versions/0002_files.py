"""A table of landed files, and for each label the night whose files had it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the table `files` and the column `labels.landed`."""
    op.create_table(
        "files",
        sa.Column("use_case", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("source_table", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("rows_in", sa.BigInteger(), nullable=False),
        sa.Column("rows_valid", sa.BigInteger(), nullable=False),
        sa.Column("rows_quarantined", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("rows_in = rows_valid + rows_quarantined", name=op.f("ck_files_nothing_lost")),
        sa.PrimaryKeyConstraint("use_case", "period", "name", "revision", name="pk_files"),
    )
    op.create_index("ix_files_use_case_sha256", "files", ["use_case", "sha256"])
    op.add_column("labels", sa.Column("landed", sa.Date()))


def downgrade() -> None:
    """Drop the table and the column."""
    op.drop_column("labels", "landed")
    op.drop_table("files")
