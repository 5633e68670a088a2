"""The profile of a champion's training nights: made when its package is made, and what its nights are compared with.

A package of an earlier release has no profile. Its training nights are then read, and profiled again.
"""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from include.steps.context import StepContext
from include.steps.features import build as feature_step
from include.stores.table_snapshot import TableSnapshot
from include.usecases import coherence
from ml.arrays import Floats
from ml.features import ENTITY
from ml.governance import privacy
from ml.ingestion.availability import NIGHT
from ml.monitoring import reference_profile
from ml.monitoring.reference_profile import TrainingProfile
from ml.training.fitting import Model
from ml.usecase import UseCase
from ml.usecase.periods import Period

FILE = "reference_profile.json"
_MAX_SCORES = 5_000


def training_period(facts: Mapping[str, object]) -> Period:
    """Return the nights that the model of a package with these `facts` was trained on."""
    first, last = map(str, facts["fitted"])  # type: ignore[call-overload]  # two ISO dates
    return Period(date.fromisoformat(first), date.fromisoformat(last))


def reportable_features(case: UseCase) -> list[str]:
    """Return the features that reports may show; a profile has no others."""
    return privacy.features_allowed_in(case, case.feature_names, coherence.function_parameters(case), "reports")


def read_rows(context: StepContext, period: Period, tables: TableSnapshot) -> pd.DataFrame:
    """Return the features of all entities of `period`, also of those without a label, sorted by night and entity."""
    version = feature_step.version(tables, context.case)
    rows = feature_step.read(context.settings.lake, context.case, str(period.first), str(period.last), version)
    if rows.empty:
        return rows.reindex(columns=[NIGHT, ENTITY, *context.case.feature_names])
    return rows.sort_values([NIGHT, ENTITY], ignore_index=True)


def score_sample(model: Model, rows: pd.DataFrame) -> Floats:
    """Return the model's scores for all of `rows` or, if there are more, for 5,000 evenly spaced ones."""
    if rows.empty:
        return np.zeros(0)
    return model.predict(rows.iloc[reference_profile.evenly_spaced(len(rows), _MAX_SCORES)])


def measure(context: StepContext, model: Model, period: Period, tables: TableSnapshot) -> TrainingProfile:
    """Return the profile of the nights of `period`, which `model` was trained on, read from the lake."""
    rows = read_rows(context, period, tables)
    features = rows[reportable_features(context.case)]
    return reference_profile.build_for_training(features, score_sample(model, rows), _texts(context.case))


def of_package(
    context: StepContext, files: Mapping[str, bytes], model: Model, period: Period, tables: TableSnapshot
) -> TrainingProfile:
    """Return the profile in the package `files` of `model`, of the features that reports may show now.

    It is measured again, from the nights of `period`, if the package has none, or one that lacks such a feature.
    """
    names, texts = reportable_features(context.case), _texts(context.case)
    stored = reference_profile.from_json(files[FILE]) if FILE in files else None
    if stored is None or not stored.features.describes(names, texts):
        return measure(context, model, period, tables)
    return TrainingProfile(features=stored.features.select(names), scores=stored.scores)


def _texts(case: UseCase) -> list[str]:
    return [text.column for text in case.texts]
