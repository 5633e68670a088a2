"""The size and modification time, or ETag, of each ingested file, to find files that landed or changed since."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table; files ingested before are compared by their bytes at the first check."""
    op.create_table(
        "stamps",
        sa.Column("use_case", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("stamp", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("use_case", "period", "name", name="pk_stamps"),
    )


def downgrade() -> None:
    """Drop the table; the next check compares bytes again."""
    op.drop_table("stamps")
