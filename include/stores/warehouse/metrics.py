"""Row counts of ingestions, metrics, task times and alerts of each night."""

import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from operator import attrgetter
from typing import Any, TypeVar

import sqlalchemy as sa

from include.stores.warehouse import database, tables
from ml.errors import DataError

TASK_SECONDS = "task_seconds"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ingestion:
    """Row counts of one table of a night: in, valid and quarantined. Raises DataError if they do not add up."""

    use_case: str
    night: date
    source_table: str
    rows_in: int
    rows_valid: int
    rows_quarantined: int

    def __post_init__(self) -> None:
        if self.rows_in != self.rows_valid + self.rows_quarantined:
            raise DataError(
                f"{self.source_table!r} of {self.night}: {self.rows_in} rows came in, but {self.rows_valid} valid and "
                f"{self.rows_quarantined} quarantined do not add up to them; rows were lost or duplicated on the way"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One metric of one model on one slice of a night, with its interval; None when it cannot be computed.

    `out_of_sample` says whether all nights of its rows lie after all that the model learned from; None if it is
    unknown, or if the metric is not of a model.
    """

    use_case: str
    night: date
    model_digest: str
    slice: str
    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int
    out_of_sample: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskTime:
    """The total duration of a night's tasks, and the number of retries."""

    night: date
    seconds: float
    retries: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """A message for a person, stored once for each night, kind and subject."""

    use_case: str
    night: date
    kind: str
    subject: str
    message: str


Row = TypeVar("Row", Ingestion, Metric, Alert)


def record_ingestion(engine: sa.Engine, *ingestions: Ingestion) -> None:
    """Store `ingestions` in one transaction; a later run of the same night replaces them."""
    _store(engine, tables.ingestions, [asdict(ingestion) for ingestion in ingestions])


def ingestions(
    engine: sa.Engine, use_case: str, first_night: date | None = None, last_night: date | None = None
) -> tuple[Ingestion, ...]:
    """Return the ingestions of a range of nights (None is unbounded), in the order of night and table."""
    return _load(engine, tables.ingestions, Ingestion, use_case, first_night, last_night)


def record_metrics(engine: sa.Engine, metrics: Sequence[Metric]) -> None:
    """Store `metrics` in one transaction; NaN is stored as None, and the same metric of a night is replaced."""
    numbers = ("value", "low", "high")
    rows = [asdict(metric) for metric in metrics]
    _store(engine, tables.metrics, [row | {name: _number(row[name]) for name in numbers} for row in rows])


def metrics(
    engine: sa.Engine,
    use_case: str,
    first_night: date | None = None,
    last_night: date | None = None,
    *,
    metric: str | None = None,
    slice: str | None = None,  # noqa: A002 - the standard term
    model_digest: str | None = None,
) -> tuple[Metric, ...]:
    """Return the metrics of a range of nights (None is unbounded), in the order of night, model, slice and metric."""
    table = tables.metrics
    wanted = ((table.c.metric, metric), (table.c.slice, slice), (table.c.model_digest, model_digest))
    conditions = [column == value for column, value in wanted if value is not None]
    return _load(engine, table, Metric, use_case, first_night, last_night, *conditions)


def metric_series(
    engine: sa.Engine, use_case: str, names: Collection[str], first_night: date, last_night: date = date.max
) -> tuple[Metric, ...]:
    """Return the metrics called `names` of a range of nights, on the slice of all rows, by night and model.

    Metrics that are in sample are left out.
    """
    table = tables.metrics
    conditions = table.c.slice == "all", table.c.metric.in_(names), table.c.out_of_sample.is_not(sa.false())
    return _load(engine, table, Metric, use_case, first_night, last_night, *conditions)


def count_in_sample_nights(engine: sa.Engine, use_case: str, first_night: date, last_night: date = date.max) -> int:
    """Return on how many nights of a range a model has metrics that are in sample."""
    column = tables.metrics.c
    query = sa.select(sa.func.count(sa.distinct(column.night))).where(
        column.use_case == use_case,
        column.out_of_sample.is_(sa.false()),
        column.night.between(first_night, last_night),
    )
    with engine.connect() as connection:
        return connection.scalar(query) or 0


def task_times(
    engine: sa.Engine, use_case: str, first_night: date, last_night: date = date.max
) -> tuple[TaskTime, ...]:
    """Return the task times of each night from `first_night` to `last_night`, in the order of nights."""
    column = tables.metrics.c
    query = (
        sa.select(column.night, sa.func.sum(column.value), sa.func.sum(column.n) - sa.func.count())
        .where(column.use_case == use_case, column.metric == TASK_SECONDS)
        .where(column.night.between(first_night, last_night))
        .group_by(column.night)
        .order_by(column.night)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    return tuple(
        TaskTime(night=night, seconds=float(seconds), retries=int(retries)) for night, seconds, retries in rows
    )


def raise_alert(engine: sa.Engine, alert: Alert) -> None:
    """Store `alert`; it replaces an alert of the same night, kind and subject."""
    _store(engine, tables.alerts, [asdict(alert)])


def replace_alerts(
    engine: sa.Engine, use_case: str, night: date, kinds: Collection[str], alerts: Sequence[Alert]
) -> None:
    """Replace all alerts of these `kinds` for the night by `alerts`."""
    table = tables.alerts
    previous = (table.c.use_case == use_case, table.c.night == night, table.c.kind.in_(kinds))
    with database.write_transaction(engine) as connection:
        connection.execute(sa.delete(table).where(*previous))
        database.upsert(connection, table, [asdict(alert) for alert in alerts])


def withdraw_alerts(engine: sa.Engine, withdrawn: Collection[Alert]) -> None:
    """Delete the alerts with the night, kind and subject of these."""
    table = tables.alerts
    keys = list(table.primary_key)
    with database.write_transaction(engine) as connection:
        for each in withdrawn:
            connection.execute(sa.delete(table).where(*(key == getattr(each, key.name) for key in keys)))


def alerts(
    engine: sa.Engine, use_case: str, first_night: date | None = None, last_night: date | None = None
) -> tuple[Alert, ...]:
    """Return the alerts of a range of nights (None is unbounded), in the order of night, kind and subject."""
    return _load(engine, tables.alerts, Alert, use_case, first_night, last_night)


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def _store(engine: sa.Engine, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    with database.write_transaction(engine) as connection:
        database.upsert(connection, table, rows)


def _load(
    engine: sa.Engine,
    table: sa.Table,
    row: type[Row],
    use_case: str,
    first_night: date | None,
    last_night: date | None,
    *conditions: sa.ColumnElement[bool],
) -> tuple[Row, ...]:
    """Return rows sorted by primary key. They are sorted here: with ORDER BY, SQLite scans all rows of a year."""
    query = sa.select(table).where(table.c.use_case == use_case, *conditions)
    if first_night is not None:
        query = query.where(table.c.night >= first_night)
    if last_night is not None:
        query = query.where(table.c.night <= last_night)
    with engine.connect() as connection:
        result = connection.execute(query)
        names = tuple(result.keys())
        loaded = [row(**dict(zip(names, values, strict=True))) for values in result]
    return tuple(sorted(loaded, key=attrgetter(*table.primary_key.columns.keys())))
