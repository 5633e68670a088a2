"""An index for the time series of a metric: a dashboard page reads a dozen metrics out of hundreds."""

from alembic import op

revision = "0006"
down_revision = "0005"
_NAME = "ix_metrics_use_case_metric_night_slice"


def upgrade() -> None:
    """Add the index."""
    op.create_index(_NAME, "metrics", ["use_case", "metric", "night", "slice"])


def downgrade() -> None:
    """Drop the index; dashboard pages get slower."""
    op.drop_index(_NAME, "metrics")
