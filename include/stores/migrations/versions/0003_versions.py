"""Data lineage: the features version of each score, and the table versions that features and metrics were made from."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column and the table; earlier scores have no features version."""
    op.add_column("scores", sa.Column("features_version", sa.BigInteger()))
    op.create_table(
        "reads",
        sa.Column("use_case", sa.String(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("source_table", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("use_case", "night", "stage", "product", "source_table", name="pk_reads"),
    )


def downgrade() -> None:
    """Drop both; vacuum then cannot tell which table versions are in use."""
    op.drop_table("reads")
    op.drop_column("scores", "features_version")
