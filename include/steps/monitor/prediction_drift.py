"""Prediction drift: compare a night's scores, and the features of REST requests, with the champion's training data."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from include.steps.context import NightContext, StepContext
from include.steps.features import build as feature_step
from include.steps.monitor import performance
from include.steps.monitor.performance import MetricScope
from include.steps.score import prediction_log
from include.stores import lake, warehouse
from include.stores.table_snapshot import TableSnapshot
from ml.arrays import Floats, Integers
from ml.monitoring import drift
from ml.rollout.routing import Route
from ml.training.fitting import Model
from ml.usecase import UseCase
from ml.usecase.periods import Period

SCORES, REQUESTS = "scores", "requests"
_MIN_ROWS, _MAX_ROWS = 100, 5_000


@dataclass(frozen=True, kw_only=True)
class ReferencePair:
    """Rows of the night, and the reference rows that they are compared with."""

    reference: pd.DataFrame
    current: pd.DataFrame


def measure(
    context: NightContext,
    model_digest: str,
    model: Model,
    training_period: Period,
    reference: pd.DataFrame,
    tables: TableSnapshot,
) -> dict[str, ReferencePair]:
    """Record the drift of the champion's scores and requests on the night, and return the rows that were compared.

    Scores are compared with the model's scores on its own training rows (`training_period`). Requests are compared with
    `reference`, the reportable features of these rows. Fewer than 100 rows are not measured.
    """
    pairs = {
        SCORES: ReferencePair(
            reference=pd.DataFrame({"score": _reference_scores(context, model, training_period, reference, tables)}),
            current=warehouse.scores(context.engine, context.case.name, context.night, model_digest)[["score"]],
        ),
        REQUESTS: ReferencePair(reference=reference, current=_request_features(context, model_digest, reference)),
    }
    measured_pairs = {
        source: each for source, each in pairs.items() if min(len(each.reference), len(each.current)) >= _MIN_ROWS
    }
    metrics = (
        MetricScope(
            use_case=context.case.name, night=context.night, model_digest=model_digest, slice=slice_name
        ).metric(name, value, n)
        for source, each in measured_pairs.items()
        for slice_name, name, value, n in _drift_metrics(context.case, source, each)
    )
    warehouse.record_metrics(context.engine, tuple(metrics))
    return measured_pairs


def _drift_metrics(case: UseCase, source: str, pair: ReferencePair) -> Iterator[tuple[str, str, float, int]]:
    """Yield slice, metric, value and number of rows: the drift overall, and for requests also by feature."""
    effects = drift.excess_stability_indexes(pair.reference, pair.current, [text.column for text in case.texts])
    rows = len(pair.current)
    if source == SCORES:
        yield performance.ALL, "prediction_drift_psi", effects["score"], rows
        return
    yield performance.ALL, "requests_drifted_share", drift.conventional_drifted_share(effects), rows
    for name, value in effects.items():
        yield REQUESTS, f"psi:{name}", value, rows


def _reference_scores(
    context: StepContext, model: Model, training_period: Period, reference: pd.DataFrame, tables: TableSnapshot
) -> Floats:
    rows = reference
    if not set(model.encoder.names) <= set(reference.columns):  # some features may not be in reports; scores may
        version = tables.version(feature_step.STAGE, feature_step.TABLE)
        rows = feature_step.read(
            context.settings.lake, context.case, str(training_period.first), str(training_period.last), version
        )
    return model.predict(rows.iloc[_evenly_spaced(len(rows))]) if len(rows) else np.empty(0)


def _request_features(context: NightContext, model_digest: str, reference: pd.DataFrame) -> pd.DataFrame:
    """Return the features of the requests to the champion, with the columns and types of `reference`."""
    columns = ["package", "route", "features"]
    logged = lake.read(
        prediction_log.address(context, prediction_log.REST), str(context.night), str(context.night), columns
    )
    champion_rows = logged[(logged["package"] == model_digest) & (logged["route"] != Route.SHADOW)]
    rows = pd.DataFrame(
        [json.loads(each) for each in champion_rows["features"].iloc[_evenly_spaced(len(champion_rows))]]
    )
    requested = rows.reindex(columns=reference.columns)
    numbers = [name for name in requested if pd.api.types.is_numeric_dtype(reference[name].dtype)]
    return requested.astype(dict.fromkeys(numbers, np.float64))


def _evenly_spaced(rows: int) -> Integers:
    """Return the positions of all rows or, if there are more, of `_MAX_ROWS` evenly spaced ones."""
    return np.linspace(0, rows - 1, min(rows, _MAX_ROWS)).astype(np.int64)
