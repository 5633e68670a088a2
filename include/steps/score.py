"""Features and the champion to scores: issued once for each entity, night and model, never rewritten."""

from datetime import date

from include import settings, usecases
from include.settings import Settings
from include.steps import features as feature_step
from include.steps import pins
from include.stores import ledger, packages, snapshot, warehouse
from ml import nights, packaging
from ml.training import Model
from ml.usecase import UseCase


def score(use_case: str, period: str) -> int | None:
    """Issue scores for the entities of `period` and return how many; None while there is no champion.

    Raises FeatureError when the features of a night do not mean what the champion learned them as.
    """
    case, when, where = usecases.get(use_case), nights.parse(period), settings.load()
    engine = warehouse.engine(where.warehouse_url)
    issued, scored = 0, False
    for night in case.horizon.nights(when):
        promoted = ledger.champion(engine, case.name, before_night=night)
        if promoted is None:
            continue
        scored = True
        issued += _score_night(case, night, promoted.subject, where)
    return issued if scored else None


def _score_night(case: UseCase, night: date, digest: str, where: Settings) -> int:
    version = snapshot.take(case, where).version(feature_step.STAGE, feature_step.TABLE)
    rows = feature_step.read(where.lake, case, str(night), str(night), at_version=version)
    if rows.empty:
        return 0
    pins.require_rows(digest, rows, case, where)
    scores = rows[["entity"]].assign(score=model(digest, where).predict(rows))
    engine = warehouse.engine(where.warehouse_url)
    warehouse.issue_scores(engine, case.name, night, digest, scores, case.horizon.cutoff(night), version)
    return len(scores)


def model(digest: str, where: Settings) -> Model:
    """Return the model packed under `digest`, every byte held against its manifest."""
    return packaging.load(packages.get(where.packages, digest, where.trusted_keys))
