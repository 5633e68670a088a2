"""What retraining was worth until a night: the scores as published, against those that the first champion would give."""

import numpy as np
import pandas as pd

from include.steps import scoring_package
from include.steps.context import StepContext
from include.steps.features import build as feature_step
from include.stores import ledger, table_snapshot, warehouse
from ml.features import ENTITY
from ml.governance.ledger_entries import EntryKind
from ml.ingestion.availability import NIGHT
from ml.monitoring import performance, retraining_gain
from ml.monitoring.retraining_gain import RetrainingGain
from ml.usecase.periods import Period


def published_rows(context: StepContext, period: Period) -> pd.DataFrame:
    """Return the published scores of `period` with the labels known by its end; see `warehouse.matured_scores`.

    Rows that a model has learned from are left out.
    """
    known_by = context.case.schedule.cutoff(period.last)
    return performance.out_of_sample(
        warehouse.matured_scores(context.engine, context.case.name, period.first, period.last, known_by)
    )


def measure(context: StepContext, period: Period, published: pd.DataFrame) -> RetrainingGain | None:
    """Return the gain of `published`, the rows of `published_rows`, over the first champion in the nights of `period`.

    None if the first champion is still the only one, and if no other model's scores have labels. Raises one of
    `SCORING_ERRORS` when the first champion's package cannot score the features.
    """
    promotions = ledger.entries(context.engine, context.case.name, EntryKind.PROMOTED)
    if len({each.subject for each in promotions}) < 2:
        return None
    first = promotions[0].subject
    if (published["model_digest"] == first).all():
        return None
    package = scoring_package.load(first, context.settings)
    tables = table_snapshot.take(context.case, context.settings)
    version = feature_step.version(tables, context.case)
    rows = feature_step.read(context.settings.lake, context.case, str(period.first), str(period.last), version)
    scored = rows[[ENTITY, NIGHT]].assign(first=package.predict(rows, context))
    scored[NIGHT] = scored[NIGHT].astype(str)
    both = published.assign(**{NIGHT: published[NIGHT].astype(str)}).merge(scored, on=[ENTITY, NIGHT], how="inner")
    return retraining_gain.measure(
        both["label"].to_numpy(np.float64),
        both["score"].to_numpy(np.float64),
        both["first"].to_numpy(np.float64),
        both[NIGHT].to_numpy(object),
        package.target(context.case),
        context.case.schedule.nights_per_block,
        context.case.gates.confidence,
    )
