"""Features and the champion to scores: issued once for each entity, night and model, never rewritten.

While a challenger is under way it answers for its share of the entities, and whoever does not answer answers a copy.
"""

from datetime import date

import numpy as np
import pandas as pd

from include import settings, usecases
from include.settings import Settings
from include.steps import answers, pins, standing
from include.steps import features as feature_step
from include.stores import packages, snapshot, warehouse
from ml import nights, packaging
from ml.arrays import Floats
from ml.errors import DataError, FeatureError, PackageError
from ml.features import ENTITY
from ml.routing import Route, Routing
from ml.training import Model
from ml.usecase import UseCase

_APART_SECONDS = 0.001  # between one entity and the next, whichever package answers: so that their answers alternate


def score(use_case: str, period: str) -> int | None:
    """Issue scores for the entities of `period` and return how many; None while there is no champion.

    Raises FeatureError when the features of a night do not mean what the champion learned them as.
    """
    case, when, where = usecases.get(use_case), nights.parse(period), settings.load()
    issued, scored = 0, False
    for night in case.horizon.nights(when):
        routing = standing.on(case, night, where).routing
        if routing is None:
            continue
        scored = True
        issued += _score_night(case, night, routing, where)
    return issued if scored else None


def model(digest: str, where: Settings) -> Model:
    """Return the model packed under `digest`, every byte held against its manifest."""
    return packaging.load(packages.get(where.packages, digest, where.trusted_keys))


def _score_night(case: UseCase, night: date, routing: Routing, where: Settings) -> int:
    version = snapshot.take(case, where).version(feature_step.STAGE, feature_step.TABLE)
    rows = feature_step.read(where.lake, case, str(night), str(night), at_version=version)
    if rows.empty:
        return 0
    scores, fault = {routing.champion: _answers(routing.champion, rows, case, where)}, None
    if routing.challenger is not None:
        scores[routing.challenger], fault = _challenged(routing.challenger, rows, case, where)
        answers.put(_told(rows, scores, routing, fault, case, night), case, night, where)
    routing = routing.alone if fault else routing
    by = np.array([routing.package(routing.route(entity)) for entity in rows[ENTITY]])
    cutoff, engine = case.horizon.cutoff(night), warehouse.engine(where.warehouse_url)
    for digest in dict.fromkeys(by):
        issued = rows[[ENTITY]].assign(score=scores[digest])[by == digest]
        warehouse.issue_scores(engine, case.name, night, digest, issued, cutoff, version)
    return len(rows)


def _answers(digest: str, rows: pd.DataFrame, case: UseCase, where: Settings) -> Floats:
    pins.require_rows(digest, rows, case, where)
    return model(digest, where).predict(rows)


def _challenged(digest: str, rows: pd.DataFrame, case: UseCase, where: Settings) -> tuple[Floats, str | None]:
    """Return the challenger's scores, or why it has none: then the champion answers for everybody."""
    try:
        return _answers(digest, rows, case, where), None
    except (DataError, FeatureError, PackageError) as fault:
        return np.full(len(rows), np.nan), f"{type(fault).__name__}: {fault}"


def _told(
    rows: pd.DataFrame, scores: dict[str, Floats], routing: Routing, fault: str | None, case: UseCase, night: date
) -> pd.DataFrame:
    """Return what each package answered for each entity: for the caller, or as a copy.

    Where the challenger failed the champion answers for it too.
    """
    canary = np.array([routing.route(entity) is Route.CANARY for entity in rows[ENTITY]])
    routes = {
        routing.champion: np.where(canary & (fault is None), Route.SHADOW, Route.CHAMPION),
        routing.challenger: np.where(canary, Route.CANARY, Route.SHADOW),
    }
    parts = [
        rows[[ENTITY]].assign(
            request=rows[ENTITY],
            place=0,
            at=case.horizon.cutoff(night).timestamp() + _APART_SECONDS * np.arange(len(rows)),
            protocol=answers.BATCH,
            night=str(night),
            package=digest,
            route=routes[digest],
            score=found,
            fault=fault if digest == routing.challenger else None,
            latency_ms=np.nan,
            features=None,
        )
        for digest, found in scores.items()
    ]
    return pd.concat(parts, ignore_index=True)
