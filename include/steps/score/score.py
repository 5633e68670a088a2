"""Score: publish the champion's scores of a night, once for each entity, night and model; they are never rewritten.

During a release, the challenger scores its share of the entities, and the scores of the other model are logged as
shadows. A night is published as a whole or not at all, and only if its scores resemble those of earlier nights
(`include/steps/score/publication_gate.py`). If the use case declares it, published scores are explained
(`include/steps/score/explanations.py`).
"""

import logging
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from include.steps import release_state
from include.steps.context import NightContext, StepContext
from include.steps.features import build as feature_step
from include.steps.score import batch_prediction, explanations, prediction_log, publication_gate
from include.stores import table_snapshot, warehouse
from ml.errors import RefusalError
from ml.rollout.routing import Routing
from ml.usecase import periods

_LOG = logging.getLogger(__name__)


def score(use_case: str, period: str) -> int | None:
    """Publish scores for the entities of `period` and return how many; None while there is no champion.

    Raises FeatureError when the features of a night do not mean what the champion was trained on. Raises RefusalError,
    after trying all nights, when the scores of some are held back.
    """
    context = StepContext.load(use_case)
    published, scored, refusals = 0, False, list[str]()
    for night in map(context.at, context.case.schedule.nights(periods.parse(period))):
        routing = release_state.as_of(night).routing
        if routing is None:
            continue
        scored = True
        try:
            published += score_night(night, routing)
        except RefusalError as refusal:
            refusals.append(str(refusal))
    if refusals:
        raise RefusalError("\n".join(refusals))
    return published if scored else None


def complete_nights(use_case: str, period: str) -> str | None:
    """Return the nights that can be scored once `period` has landed: live, those whose last cutoff it reached, or None.

    At the night's horizon these are the nights of `period`.
    """
    context = StepContext.load(use_case)
    complete = feature_step.complete_nights(context, periods.parse(period))
    return None if complete is None else str(complete)


def unscored(use_case: str, period: str) -> int:
    """Return how many entities of the published nights of `period` have features and no score."""
    context = StepContext.load(use_case)
    nights = context.case.schedule.nights(periods.parse(period))
    return sum(
        len(_entities(context, night) - set(warehouse.scores(context.engine, use_case, night)["entity"]))
        for night in warehouse.published_nights(context.engine, use_case, nights)
    )


def _entities(context: StepContext, night: date) -> set[str]:
    return set(feature_step.read(context.settings.lake, context.case, str(night), str(night))["entity"])


def score_night(context: NightContext, routing: Routing) -> int:
    """Publish the scores of a night by the packages of `routing` and return how many; raises as `score` does."""
    version = feature_step.version(table_snapshot.take(context.case, context.settings), context.case)
    with TemporaryDirectory() as folder:
        predictions = batch_prediction.predict(context, version, routing, Path(folder))
        publication_gate.check(context, predictions, routing.champion)
        if routing.challenger is not None and predictions.rows:
            prediction_log.put(predictions.log_rows, context)
        engine, published_at = context.engine, context.case.complete_at(context.night)
        for digest, is_out_of_sample in predictions.out_of_sample.items():
            if not is_out_of_sample:
                _LOG.warning("%s", _describe_mark(context.night, digest, is_out_of_sample))
        warehouse.publish_scores(
            engine,
            context.case.name,
            context.night,
            predictions.frames(),
            published_at,
            version,
            predictions.out_of_sample,
        )
        rows = predictions.rows
    explanations.store(context)
    return rows


def _describe_mark(night: date, digest: str, is_out_of_sample: bool | None) -> str:
    if is_out_of_sample is None:
        return f"it is not known whether package {digest[:12]} learned from {night}: its scores count in no metric"
    return f"package {digest[:12]} learned from {night}: its scores of this night are in sample and count in no metric"
