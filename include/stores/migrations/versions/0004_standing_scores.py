"""A view of the latest scores: those of the last published night."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the view. A night held back has no rows in `scores`, so the view shows the night before it."""
    op.execute(
        "CREATE VIEW standing_scores AS SELECT s.use_case, s.entity, s.night, s.model_digest, s.score, s.issued_at "
        "FROM scores s JOIN (SELECT use_case, MAX(night) AS night FROM scores GROUP BY use_case) newest "
        "ON s.use_case = newest.use_case AND s.night = newest.night"
    )


def downgrade() -> None:
    """Drop the view; no data is lost."""
    op.execute("DROP VIEW standing_scores")
