"""Published scores, labels by the time they became known, and matured scores: scores joined with their labels."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from include.stores.warehouse import database, tables
from ml.errors import DataError
from ml.usecase import model_names

if TYPE_CHECKING:
    import pandas as pd

HELD_BACK = "scores_held_back"  # the kind of the alert that a night has while its scores are held back
_MAX_ENTITIES = 5_000  # of one query: databases limit the number of its parameters
MATURED_COLUMNS = ("entity", "night", "model_digest", "score", "label", "known_at", "out_of_sample")


@dataclass(frozen=True, kw_only=True, slots=True)
class Maturity:
    """How many entities of a night were scored, and how many of them have a known label."""

    night: date
    scored: int
    matured: int

    @property
    def share(self) -> float:
        """The share of the scored entities that have a label."""
        return self.matured / self.scored


def publish_scores(
    engine: sa.Engine,
    use_case: str,
    night: date,
    parts: Iterable[pd.DataFrame],
    published_at: datetime,
    features_version: int | None = None,
    out_of_sample: Mapping[str, bool | None] | None = None,
) -> int:
    """Store the columns `entity`, `model_digest` and `score` of `parts` in one transaction; return how many are new.

    `features_version` is the version of the features table that they were computed from. `out_of_sample` says for the
    digest of each model whether the night lies after all that it learned from; None is unknown. A published score is
    never rewritten: an existing row is kept. Raises DataError, and stores nothing, when a score is not a finite number.
    """
    constant = {
        "use_case": use_case,
        "night": night,
        "published_at": published_at,
        "features_version": features_version,
    }
    marks = out_of_sample or {}
    with database.write_transaction(engine) as connection:
        return sum(database.insert_new(connection, tables.scores, constant, _score_rows(part, marks)) for part in parts)


def _score_rows(part: pd.DataFrame, marks: Mapping[str, bool | None]) -> list[dict[str, Any]]:
    names, digests = ("entity", "model_digest", "score", "out_of_sample"), _texts(part, "model_digest")
    columns = zip(_texts(part, "entity"), digests, _numbers(part, "score"), map(marks.get, digests), strict=True)
    return [dict(zip(names, values, strict=True)) for values in columns]


def scores(engine: sa.Engine, use_case: str, night: date, model_digest: str | None = None) -> pd.DataFrame:
    """Return the scores published for `night`, in the order of entity and model.

    Columns: entity, night, model_digest, score, published_at, features_version, out_of_sample (null is unknown).
    """
    table = tables.scores
    query = (
        sa.select(
            table.c.entity,
            table.c.night,
            table.c.model_digest,
            table.c.score,
            table.c.published_at,
            table.c.features_version,
            table.c.out_of_sample,
        )
        .where(table.c.use_case == use_case, table.c.night == night)
        .order_by(table.c.entity, table.c.model_digest)
    )
    return _read(engine, query if model_digest is None else query.where(table.c.model_digest == model_digest))


def count_by_model(engine: sa.Engine, use_case: str, night: date) -> dict[tuple[str, int | None], int]:
    """Return how many scores of `night` each model made from each version of the features, by digest and version."""
    column = tables.scores.c
    query = (
        sa.select(column.model_digest, column.features_version, sa.func.count())
        .where(column.use_case == use_case, column.night == night)
        .group_by(column.model_digest, column.features_version)
        .order_by(column.model_digest, column.features_version)
    )
    with engine.connect() as connection:
        return {(digest, version): count for digest, version, count in connection.execute(query)}


def scores_of_entities(
    engine: sa.Engine, use_case: str, night: date, model_digest: str, features_version: int, entities: Sequence[str]
) -> dict[str, float]:
    """Return the scores of `night` that a model made of `entities` from a version of the features, by entity."""
    column = tables.scores.c
    query = sa.select(column.entity, column.score).where(
        column.use_case == use_case,
        column.night == night,
        column.model_digest == model_digest,
        column.features_version == features_version,
        column.entity.in_(sa.bindparam("wanted", expanding=True)),
    )
    with engine.connect() as connection:
        return {
            entity: score
            for first in range(0, len(entities), _MAX_ENTITIES)
            for entity, score in connection.execute(query, {"wanted": entities[first : first + _MAX_ENTITIES]})
        }


def latest_scores(engine: sa.Engine, use_case: str) -> pd.DataFrame:
    """Return the view `latest_scores`, by entity: the scores of the last published night."""
    view = tables.latest_scores
    columns = (view.c[name] for name in ("entity", "night", "model_digest", "score", "published_at", "out_of_sample"))
    return _read(engine, sa.select(*columns).where(view.c.use_case == use_case).order_by(view.c.entity))


def last_scored_night(engine: sa.Engine, use_case: str) -> date | None:
    """Return the last night with a published score; None before the first."""
    column = tables.scores.c
    with engine.connect() as connection:
        night: date | None = connection.scalar(sa.select(sa.func.max(column.night)).where(column.use_case == use_case))
        return night


def published_nights(engine: sa.Engine, use_case: str, nights: Collection[date]) -> frozenset[date]:
    """Return those of `nights` that have a published score."""
    column = tables.scores.c
    query = sa.select(1).where(column.use_case == use_case, column.night == sa.bindparam("wanted")).limit(1)
    with engine.connect() as connection:
        return frozenset(each for each in nights if connection.scalar(query, {"wanted": each}) is not None)


def held_back_nights(engine: sa.Engine, use_case: str, first_night: date, last_night: date) -> frozenset[date]:
    """Return the nights from `first_night` to `last_night` whose scores are held back now."""
    column = tables.alerts.c
    query = sa.select(column.night).where(
        column.use_case == use_case, column.kind == HELD_BACK, column.night.between(first_night, last_night)
    )
    with engine.connect() as connection:
        return frozenset(connection.scalars(query))


def record_labels(engine: sa.Engine, use_case: str, frame: pd.DataFrame, removed: Collection[str] = ()) -> int:
    """Store the columns `entity`, `night`, `label`, `known_at` and `landed` of `frame`; return how many were written.

    `known_at` has a time zone; `landed` is the night whose files had the label. A corrected label replaces the earlier
    one. In the same transaction the labels of the entities in `removed` are deleted. Raises DataError when a label is
    not a finite number.
    """
    import pandas as pd

    columns = zip(
        _texts(frame, "entity"),
        pd.to_datetime(frame["night"]).dt.date.tolist(),
        _numbers(frame, "label"),
        pd.DatetimeIndex(frame["known_at"]).to_pydatetime().tolist(),
        pd.to_datetime(frame["landed"]).dt.date.tolist(),
        strict=True,
    )
    names = ("entity", "night", "label", "known_at", "landed")
    rows = [{"use_case": use_case, **dict(zip(names, values, strict=True))} for values in columns]
    table = tables.labels
    deletion = sa.delete(table).where(table.c.use_case == use_case, table.c.entity == sa.bindparam("gone"))
    with database.write_transaction(engine) as connection:
        if removed:
            connection.execute(deletion, [{"gone": entity} for entity in removed])
        return database.upsert(connection, table, rows)


def labels(engine: sa.Engine, use_case: str, known_by: datetime) -> pd.DataFrame:
    """Return the labels known by `known_by`: entity, night, label, known_at."""
    column = tables.labels.c
    query = sa.select(column.entity, column.night, column.label, column.known_at)
    return _read(engine, query.where(column.use_case == use_case, column.known_at <= known_by))


def entities_labelled_between(engine: sa.Engine, use_case: str, first_night: date, last_night: date) -> set[str]:
    """Return the entities whose label was in the files of `first_night` to `last_night`."""
    table = tables.labels
    query = sa.select(table.c.entity).where(
        table.c.use_case == use_case, table.c.landed.between(first_night, last_night)
    )
    with engine.connect() as connection:
        return set(connection.scalars(query))


def count_labels(
    engine: sa.Engine, use_case: str, known_by: datetime | None = None, known_after: datetime | None = None
) -> int:
    """Return the number of labels that became known, optionally by `known_by` and after `known_after`."""
    table = tables.labels
    query = sa.select(sa.func.count()).where(table.c.use_case == use_case)
    if known_by is not None:
        query = query.where(table.c.known_at <= known_by)
    if known_after is not None:
        query = query.where(table.c.known_at > known_after)
    with engine.connect() as connection:
        return connection.scalar(query) or 0


def matured_scores(
    engine: sa.Engine, use_case: str, first_night: date, last_night: date, known_by: datetime
) -> pd.DataFrame:
    """Return the scores of `first_night` to `last_night` joined with the labels known by `known_by`.

    Columns: entity, night (date), model_digest, score, label (0.0 or 1.0 for binary targets), known_at (UTC),
    out_of_sample (null is unknown); rows in the order of night, entity, model.
    """
    view = tables.matured_scores
    query = (
        sa.select(*(view.c[name] for name in MATURED_COLUMNS))
        .where(view.c.use_case == use_case, view.c.night.between(first_night, last_night), view.c.known_at <= known_by)
        .order_by(view.c.night, view.c.entity, view.c.model_digest)
    )
    return _read(engine, query)


def maturity(
    engine: sa.Engine, use_case: str, first_night: date, last_night: date, known_by: datetime
) -> tuple[Maturity, ...]:
    """Return, for each scored night of the range, how many entities have a label known by `known_by`."""
    scored, labelled = tables.scores, tables.labels
    label_of_entity = sa.and_(
        labelled.c.use_case == model_names.dataset_of(use_case),
        scored.c.entity == labelled.c.entity,
        labelled.c.known_at <= known_by,
    )
    entities = (sa.func.count(sa.distinct(scored.c.entity)), sa.func.count(sa.distinct(labelled.c.entity)))
    query = (
        sa.select(scored.c.night, *entities)
        .select_from(scored.outerjoin(labelled, label_of_entity))
        .where(scored.c.use_case == use_case, scored.c.night.between(first_night, last_night))
        .group_by(scored.c.night)
        .order_by(scored.c.night)
    )
    with engine.connect() as connection:
        return tuple(Maturity(night=night, scored=n, matured=m) for night, n, m in connection.execute(query))


def _read(engine: sa.Engine, query: sa.Select[Any]) -> pd.DataFrame:
    import pandas as pd

    with engine.connect() as connection:
        result = connection.execute(query)
        frame = pd.DataFrame.from_records(result.all(), columns=list(result.keys()))
    moments = [name for name in ("published_at", "known_at") if name in frame]
    numbers = [name for name in ("score", "label") if name in frame]
    types = dict.fromkeys(moments, "datetime64[us, UTC]") | dict.fromkeys(numbers, "float64")
    nullable = {"features_version": "Int64", "out_of_sample": "boolean"}
    types |= {name: dtype for name, dtype in nullable.items() if name in frame}
    return frame.astype(types)


def _texts(frame: pd.DataFrame, column: str) -> list[str]:
    return [str(value) for value in frame[column].tolist()]


def _numbers(frame: pd.DataFrame, column: str) -> list[float]:
    import numpy as np

    values = frame[column].to_numpy(dtype="float64")
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise DataError(
            f"every {column} must be a finite number, but {bad} of {len(values)} are not; drop or correct these rows"
        )
    return [float(value) for value in values.tolist()]
