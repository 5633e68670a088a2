"""How far a night's scores, and the features that were asked with over REST, lie from what the champion learned."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from include.settings import Settings
from include.steps.features import build as feature_step
from include.steps.monitor import performance
from include.steps.monitor.performance import Part
from include.steps.score import prediction_log
from include.stores import lake, warehouse
from include.stores.table_snapshot import Snapshot
from ml.arrays import Floats, Integers
from ml.monitoring import drift
from ml.periods import Period
from ml.rollout.routing import Route
from ml.training.fitting import Model
from ml.usecase import UseCase

SCORES, REQUESTS = "scores", "requests"
_LEAST, _MOST = 100, 5_000


@dataclass(frozen=True, kw_only=True)
class Held:
    """Rows of the night, and those that they are held against."""

    reference: pd.DataFrame
    current: pd.DataFrame


def measure(
    case: UseCase,
    night: date,
    model_digest: str,
    model: Model,
    fitted: Period,
    learned: pd.DataFrame,
    tables: Snapshot,
    settings: Settings,
) -> dict[str, Held]:
    """Record how far the champion's scores of `night` and its requests have moved, and return what was held against what.

    Scores are held against the model's answers to rows of the nights `fitted`, which it has seen; requests against the
    features `learned`, those that may be reported on. Fewer than 100 rows are not measured.
    """
    found = {
        SCORES: Held(
            reference=pd.DataFrame({"score": _learned_scores(case, model, fitted, learned, tables, settings)}),
            current=warehouse.scores(warehouse.engine(settings.warehouse_url), case.name, night, model_digest)[["score"]],
        ),
        REQUESTS: Held(reference=learned, current=_asked(case, night, model_digest, learned, settings)),
    }
    held = {of: each for of, each in found.items() if min(len(each.reference), len(each.current)) >= _LEAST}
    metrics = (
        Part(use_case=case.name, night=night, model_digest=model_digest, slice=part).metric(name, value, n)
        for of, each in held.items()
        for part, name, value, n in _moved(case, of, each)
    )
    warehouse.record_metrics(warehouse.engine(settings.warehouse_url), tuple(metrics))
    return held


def _moved(case: UseCase, of: str, held: Held) -> Iterator[tuple[str, str, float, int]]:
    """Yield slice, metric, value and rows: what has moved as a whole, and of requests each feature."""
    effects = drift.effects(held.reference, held.current, [text.column for text in case.texts])
    rows = len(held.current)
    if of == SCORES:
        yield performance.ALL, "scores_moved", effects["score"], rows
        return
    yield performance.ALL, "requests_drifted_share", drift.share_beyond(effects), rows
    for name, value in effects.items():
        yield REQUESTS, f"psi:{name}", value, rows


def _learned_scores(
    case: UseCase, model: Model, fitted: Period, learned: pd.DataFrame, tables: Snapshot, settings: Settings
) -> Floats:
    rows = learned
    if not set(model.encoder.names) <= set(learned.columns):  # some may not be reported on; the score may
        version = tables.version(feature_step.STAGE, feature_step.TABLE)
        rows = feature_step.read(settings.lake, case, str(fitted.first), str(fitted.last), version)
    return model.predict(rows.iloc[_even(len(rows))]) if len(rows) else np.empty(0)


def _asked(case: UseCase, night: date, model_digest: str, learned: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Return the features that the champion was asked with, with the columns and types of `learned`."""
    columns = ["package", "route", "features"]
    given = lake.read(prediction_log.address(case, prediction_log.REST, settings), str(night), str(night), columns)
    mine = given[(given["package"] == model_digest) & (given["route"] != Route.SHADOW)]
    rows = pd.DataFrame([json.loads(each) for each in mine["features"].iloc[_even(len(mine))]])
    asked = rows.reindex(columns=learned.columns)
    numbers = [name for name in asked if pd.api.types.is_numeric_dtype(learned[name].dtype)]
    return asked.astype(dict.fromkeys(numbers, np.float64))


def _even(rows: int) -> Integers:
    """Return the places of all rows, or of as many as are looked at, evenly spaced."""
    return np.linspace(0, rows - 1, min(rows, _MOST)).astype(np.int64)
