"""A metric's nights are found without those of all the others: a page of the board asks for a dozen of hundreds."""

from alembic import op

revision = "0006"
down_revision = "0005"
_NAME = "ix_metrics_use_case_metric_night_slice"


def upgrade() -> None:
    """Add the index."""
    op.create_index(_NAME, "metrics", ["use_case", "metric", "night", "slice"])


def downgrade() -> None:
    """Drop it; pages are slower."""
    op.drop_index(_NAME, "metrics")
