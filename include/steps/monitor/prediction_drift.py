"""Prediction drift: compare a night's scores, and the features of REST requests, with the champion's training data."""

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd

from include.steps.context import NightContext
from include.steps.monitor import performance
from include.steps.monitor.performance import MetricScope
from include.steps.score import prediction_log
from include.stores import lake, prediction_table, warehouse
from ml.monitoring import drift, reference_profile
from ml.monitoring.reference_profile import SCORE, ColumnKind, ReferenceProfile, TrainingProfile
from ml.rollout.routing import Route

SCORES, REQUESTS = "scores", "requests"
_MIN_ROWS, _MAX_REQUESTS = 100, 5_000


def measure(context: NightContext, model_digest: str, reference: TrainingProfile) -> dict[str, pd.DataFrame]:
    """Record the drift of the champion's scores and requests on the night, and return the rows that were compared.

    Scores are compared with the model's scores for its own training rows, requests with the reportable features of
    these rows. Fewer than 100 rows are not measured.
    """
    comparisons = {
        SCORES: (
            reference.scores,
            warehouse.scores(context.engine, context.case.name, context.night, model_digest)[[SCORE]],
        ),
        REQUESTS: (reference.features, _request_features(context, model_digest, reference.features)),
    }
    measured = {
        source: (profile, current)
        for source, (profile, current) in comparisons.items()
        if min(profile.rows, len(current)) >= _MIN_ROWS
    }
    metrics = (
        MetricScope(
            use_case=context.case.name, night=context.night, model_digest=model_digest, slice=slice_name
        ).metric(name, value, n)
        for source, (profile, current) in measured.items()
        for slice_name, name, value, n in _drift_metrics(source, profile, current)
    )
    warehouse.record_metrics(context.engine, tuple(metrics))
    return {source: current for source, (_, current) in measured.items()}


def _drift_metrics(
    source: str, reference: ReferenceProfile, current: pd.DataFrame
) -> Iterator[tuple[str, str, float, int]]:
    """Yield slice, metric, value and number of rows: the drift overall, and for requests also by feature."""
    effects = drift.excess_stability_indexes(reference, current)
    rows = len(current)
    if source == SCORES:
        yield performance.ALL, "prediction_drift_psi", effects[SCORE], rows
        return
    yield performance.ALL, "requests_drifted_share", drift.conventional_drifted_share(effects), rows
    for name, value in effects.items():
        yield REQUESTS, f"psi:{name}", value, rows


def _request_features(context: NightContext, model_digest: str, reference: ReferenceProfile) -> pd.DataFrame:
    """Return the features of the requests to the champion: the columns of `reference`, and its numbers as numbers."""
    columns = ["package", "route", "features"]
    logged = lake.read(
        prediction_log.address(context, prediction_table.REST), str(context.night), str(context.night), columns
    )
    champion_rows = logged[(logged["package"] == model_digest) & (logged["route"] != Route.SHADOW)]
    sampled = reference_profile.evenly_spaced(len(champion_rows), _MAX_REQUESTS)
    rows = pd.DataFrame([json.loads(each) for each in champion_rows["features"].iloc[sampled]])
    numbers = [name for name, column in reference.columns.items() if column.kind is ColumnKind.NUMBER]
    return rows.reindex(columns=list(reference.columns)).astype(dict.fromkeys(numbers, np.float64))
