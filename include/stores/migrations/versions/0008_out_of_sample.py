"""Add to scores and metrics whether their night lies after all that their model learned from; null is unknown.

`ratchet upgrade` fills the column from the packages; what it cannot fill stays null. A published score may be marked
once, and is not rewritten otherwise.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_TABLES = ("scores", "metrics")
_SCORE = ("use_case", "entity", "night", "model_digest", "score", "published_at")
_FIXED = (*_SCORE, "features_version")
_TRIGGERS = {"sqlite": "scores_refuses_update", "postgresql": "scores_refuses_row"}


def upgrade() -> None:
    """Add the column to both tables, and to the views of scores."""
    _drop_views()
    for table in _TABLES:
        op.add_column(table, sa.Column("out_of_sample", sa.Boolean))
    _create_views((*_SCORE, "out_of_sample"))
    _forbid_updates(may_be_marked=True)


def downgrade() -> None:
    """Remove the column."""
    _drop_views()
    _forbid_updates(may_be_marked=False)
    for table in _TABLES:
        op.drop_column(table, "out_of_sample")
    _create_views(_SCORE)


def _forbid_updates(*, may_be_marked: bool) -> None:
    """Replace the trigger that rejects updates of scores; it may let a missing mark be set, and nothing else change."""
    dialect = op.get_bind().dialect.name
    same = "IS" if dialect == "sqlite" else "IS NOT DISTINCT FROM"
    unchanged = " AND ".join(f"NEW.{name} {same} OLD.{name}" for name in _FIXED)
    unless = f"WHEN (NOT (OLD.out_of_sample IS NULL AND {unchanged})) " if may_be_marked else ""
    name = _TRIGGERS[dialect]
    op.execute(f"DROP TRIGGER {name}" if dialect == "sqlite" else f"DROP TRIGGER {name} ON scores")
    rejects = (
        "BEGIN SELECT RAISE(ABORT, 'a score once issued is never rewritten'); END"
        if dialect == "sqlite"
        else "EXECUTE FUNCTION scores_refuses_change()"
    )
    op.execute(f"CREATE TRIGGER {name} BEFORE UPDATE ON scores FOR EACH ROW {unless}{rejects}")


def _drop_views() -> None:
    for name in ("latest_scores", "matured_scores"):
        op.execute(f"DROP VIEW {name}")


def _create_views(names: tuple[str, ...]) -> None:
    columns = ", ".join(f"scores.{name}" for name in names)
    op.execute(  # all names are constants of this file
        f"CREATE VIEW latest_scores AS SELECT {columns} FROM scores "
        "JOIN (SELECT use_case, MAX(night) AS night FROM scores GROUP BY use_case) newest "
        "ON scores.use_case = newest.use_case AND scores.night = newest.night"
    )
    op.execute(
        f"CREATE VIEW matured_scores AS SELECT {columns}, labels.label, labels.known_at FROM scores "
        "JOIN labels ON labels.use_case = scores.use_case AND labels.entity = scores.entity"
    )
