"""Keep the manifest of each published snapshot, so that the features of an answer can be built again.

Snapshots that were published before are not recorded.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "snapshots",
        sa.Column("use_case", sa.String, primary_key=True),
        sa.Column("snapshot", sa.String, primary_key=True),
        sa.Column("night", sa.Date, nullable=False),
        sa.Column("manifest", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Remove the table."""
    op.drop_table("snapshots")
