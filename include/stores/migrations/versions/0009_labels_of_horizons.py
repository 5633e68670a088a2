"""Scores of a model at another horizon, `<use case>-<horizon>`, are joined with the labels of their use case."""

from alembic import op

revision = "0009"
down_revision = "0008"

_SCORE = ("use_case", "entity", "night", "model_digest", "score", "published_at", "out_of_sample")
_DATASET = {
    "sqlite": "CASE instr(scores.use_case, '-') WHEN 0 THEN scores.use_case "
    "ELSE substr(scores.use_case, 1, instr(scores.use_case, '-') - 1) END",
    "postgresql": "split_part(scores.use_case, '-', 1)",
}


def upgrade() -> None:
    """Join on the use case that the name of the model begins with."""
    _replace_view(_DATASET[op.get_bind().dialect.name])


def downgrade() -> None:
    """Join on the name of the model."""
    _replace_view("scores.use_case")


def _replace_view(dataset: str) -> None:
    columns = ", ".join(f"scores.{name}" for name in _SCORE)
    op.execute("DROP VIEW matured_scores")
    op.execute(  # all names are constants of this file
        f"CREATE VIEW matured_scores AS SELECT {columns}, labels.label, labels.known_at FROM scores "
        f"JOIN labels ON labels.use_case = {dataset} AND labels.entity = scores.entity"
    )
