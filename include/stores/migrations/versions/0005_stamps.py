"""How a file looked from outside when it was taken, so that a look at the landing area tells what came since."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table; the first look at files that were taken before compares their bytes."""
    op.create_table(
        "stamps",
        sa.Column("use_case", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("stamp", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("use_case", "period", "name", name="pk_stamps"),
    )


def downgrade() -> None:
    """Drop it; the next look compares bytes again."""
    op.drop_table("stamps")
