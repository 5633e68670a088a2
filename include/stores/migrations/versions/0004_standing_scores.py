"""What a reader of scores gets: those of the last night that was issued."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the view; a night whose scores are withheld has no rows in `scores`, so the night before it stands."""
    op.execute(
        "CREATE VIEW standing_scores AS SELECT s.use_case, s.entity, s.night, s.model_digest, s.score, s.issued_at "
        "FROM scores s JOIN (SELECT use_case, MAX(night) AS night FROM scores GROUP BY use_case) newest "
        "ON s.use_case = newest.use_case AND s.night = newest.night"
    )


def downgrade() -> None:
    """Drop it; nothing was in it."""
    op.execute("DROP VIEW standing_scores")
