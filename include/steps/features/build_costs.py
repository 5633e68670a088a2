"""The costs of features as warehouse metrics: build time by declaration, and null share by night and column."""

from collections.abc import Mapping
from datetime import date

import pandas as pd
import sqlalchemy as sa

from include.stores import warehouse
from include.stores.warehouse import Metric
from include.usecases import coherence
from ml.governance import privacy
from ml.ingestion.availability import NIGHT
from ml.usecase import Live, Night, UseCase
from ml.usecase.periods import Period

MILLISECONDS, NULL_SHARE = "build_milliseconds", "null_share"
_NO_MODEL = "none"


def record(
    engine: sa.Engine,
    case: UseCase,
    horizon: Night | Live,
    table: str,
    period: Period,
    built: pd.DataFrame,
    seconds: Mapping[str, float],
) -> None:
    """Record the cost of building `table` for `period`; nothing when no row was built."""
    if built.empty:
        return
    reportable = _reportable_columns(case, horizon)
    shares = [
        _metric(case, date.fromisoformat(str(night)), table, f"{NULL_SHARE}:{name}", share, len(rows))
        for night, rows in built.groupby(NIGHT)
        for name, share in zip(reportable, rows[reportable].isna().to_numpy().mean(axis=0), strict=True)
    ]
    times = [
        _metric(case, period.last, f"{table}:{name}", MILLISECONDS, 1000 * each, len(built))
        for name, each in seconds.items()
    ]
    warehouse.record_metrics(engine, [*shares, *times])


def build_milliseconds(engine: sa.Engine, case: UseCase, table: str, until: date) -> dict[str, Metric]:
    """Return the build time of each declaration when `table` was last built for a night up to `until`."""
    metrics = warehouse.metrics(engine, case.dataset, last_night=until, metric=MILLISECONDS)
    return {each.slice.removeprefix(f"{table}:"): each for each in metrics if each.slice.startswith(f"{table}:")}


def _reportable_columns(case: UseCase, horizon: Night | Live) -> list[str]:
    """Return the columns that privacy rules allow in reports."""
    return privacy.features_allowed_in(case, case.names_at(horizon), coherence.function_parameters(case), "reports")


def _metric(case: UseCase, night: date, slice_: str, metric: str, value: float, n: int) -> Metric:
    return Metric(
        use_case=case.dataset, night=night, model_digest=_NO_MODEL, slice=slice_, metric=metric, value=float(value), n=n
    )
