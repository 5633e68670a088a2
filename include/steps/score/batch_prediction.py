"""Predict a night's entities in batches; scores and log rows are spooled to disk, so memory use stays constant."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pandas as pd

from include.settings import Settings
from include.steps import scoring_package
from include.steps.context import NightContext, StepContext
from include.steps.features import build as feature_step
from include.steps.score import prediction_log
from include.steps.scoring_package import ScoringPackage
from include.stores import lake
from include.stores.files.spool import Spool
from include.usecases import coherence
from ml import targets
from ml.arrays import Booleans, Floats
from ml.errors import SCORING_ERRORS, PackageError
from ml.features import ENTITY
from ml.governance import privacy
from ml.monitoring.publication_gate import SCORE, ScoreBatch
from ml.rollout.routing import Route, Routing
from ml.statistics import column_profiles
from ml.statistics.column_profiles import Profile
from ml.usecase import UseCase
from ml.usecase.periods import Period

SCORE_COLUMNS = (ENTITY, "model_digest", "score")
_SPACING_SECONDS = 0.001  # between consecutive entities, whichever package answers, so that the packages alternate
_PROFILE_ROWS = 50_000  # the profile of so many rows is within .006 of that of all (Dvoretzky, Kiefer, Wolfowitz)
_HASH_RANGE = 2**64


@dataclass(frozen=True, kw_only=True)
class BatchPredictions:
    """The predictions of a night on disk: `scores` (columns `SCORE_COLUMNS`) and, during a release, `log_rows`.

    `invalid` is the number of scores that the target cannot have. `profiles` are those of the scores and the features.
    `out_of_sample` says for each package whether the night lies after all that it learned from; None is unknown.
    """

    scores: Spool
    log_rows: Spool
    invalid: int = 0
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    out_of_sample: Mapping[str, bool | None] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return self.scores.count

    def to_batch(self, entities: int) -> ScoreBatch:
        """Return the input of the publication gate; `entities` is the number of entities that should have a score."""
        return ScoreBatch(entities=entities, rows=self.rows, invalid=self.invalid, profiles=self.profiles)

    def frames(self) -> Iterator[pd.DataFrame]:
        """Yield the scores in batches."""
        if self.rows:
            yield from (part.to_pandas() for part in self.scores.read())


def predict(context: NightContext, version: int, routing: Routing, folder: Path) -> BatchPredictions:
    """Return the predictions of the packages of `routing` for the entities of a night, at `version` of the features.

    Files are written to `folder`. If the challenger fails, the fault is logged and the champion scores all entities.
    Raises FeatureError when the features do not mean what the champion was trained on, and PackageError when the
    champion's package is damaged or not signed.
    """
    if routing.challenger is not None:
        try:
            return _predict(context, version, routing, folder)
        except _ChallengerError as failed:
            return _predict(context, version, routing, folder, fault=str(failed))
    return _predict(context, version, routing, folder)


class _ChallengerError(Exception):
    """The challenger cannot predict; the message says why."""


def _predict(
    context: NightContext, version: int, routing: Routing, folder: Path, fault: str | None = None
) -> BatchPredictions:
    champion = scoring_package.load(routing.champion, context.settings)
    challenger = _load_challenger(routing, context.settings) if fault is None else None
    target, period = targets.target_type(context.case), Period(context.night, context.night)
    uri, names = feature_step.address(context.settings.lake, context.case), _profiled_columns(context.case)
    share = _PROFILE_ROWS / max(lake.count(uri, str(context.night), str(context.night), version), 1)
    predictions, sampled = BatchPredictions(scores=_spool(folder), log_rows=_spool(folder)), list[pd.DataFrame]()
    for rows in lake.batches(uri, period, at_version=version):
        scores = {routing.champion: champion.predict(rows, context)}
        if routing.challenger is not None:
            scores[routing.challenger] = _challenger_scores(challenger, rows, context)
        canary = _canary_mask(rows, routing if fault is None else routing.without_challenger)
        published = _published_rows(rows, scores, routing, canary)
        predictions = replace(
            predictions,
            scores=predictions.scores.add(published),
            log_rows=predictions.log_rows.add(
                _log_rows(rows, scores, routing, canary, fault, context.case, context.night, predictions.rows)
            ),
            invalid=predictions.invalid + sum(not target.is_valid_score(score) for score in published[SCORE].tolist()),
        )
        kept = pd.util.hash_array(rows[ENTITY].to_numpy(object)) < share * _HASH_RANGE if share < 1 else slice(None)
        sampled.append(published[[SCORE]].join(rows[names])[kept])
    columns = pd.concat(sampled) if sampled else pd.DataFrame(columns=[SCORE, *names], dtype=np.float64)
    answering = (each for each in (champion, challenger) if each is not None)
    return replace(
        predictions,
        profiles={str(name): column_profiles.from_column(columns[name]) for name in columns},
        out_of_sample={each.digest: each.learned.is_out_of_sample(context.night) for each in answering},
    )


def _load_challenger(routing: Routing, settings: Settings) -> ScoringPackage | None:
    if routing.challenger is None:
        return None
    try:
        return scoring_package.load(routing.challenger, settings)
    except PackageError as fault:
        raise _ChallengerError(f"{type(fault).__name__}: {fault}") from None


def _challenger_scores(challenger: ScoringPackage | None, rows: pd.DataFrame, context: StepContext) -> Floats:
    if challenger is None:
        return np.full(len(rows), np.nan)
    try:
        return challenger.predict(rows, context)
    except SCORING_ERRORS as fault:
        raise _ChallengerError(f"{type(fault).__name__}: {fault}") from None


def _canary_mask(rows: pd.DataFrame, routing: Routing) -> Booleans:
    """Return the mask of the entities for which the challenger answers."""
    if not routing.canary:
        return np.full(len(rows), False)
    return np.array([routing.route(entity) is Route.CANARY for entity in rows[ENTITY]])


def _published_rows(rows: pd.DataFrame, scores: dict[str, Floats], routing: Routing, canary: Booleans) -> pd.DataFrame:
    """Return the score that is published for each entity, and the digest of its package."""
    digests, score = np.full(len(rows), routing.champion, object), scores[routing.champion]
    if routing.challenger is not None:
        digests = np.where(canary, routing.challenger, digests)
        score = np.where(canary, scores[routing.challenger], score)
    return rows[[ENTITY]].assign(model_digest=digests, score=score)


def _log_rows(
    rows: pd.DataFrame,
    scores: dict[str, Floats],
    routing: Routing,
    canary: Booleans,
    fault: str | None,
    case: UseCase,
    night: date,
    first_position: int,
) -> pd.DataFrame:
    """Return the log rows of each package and entity, served or shadow; no rows without a challenger.

    If the challenger failed, its rows have the fault, and the champion serves all entities. `first_position` is the
    position of the first row in its night.
    """
    if routing.challenger is None:
        return pd.DataFrame()
    assigned = canary if fault is None else _canary_mask(rows, routing)
    routes = {
        routing.champion: np.where(canary, Route.SHADOW, Route.CHAMPION),
        routing.challenger: np.where(assigned, Route.CANARY, Route.SHADOW),
    }
    begin = case.schedule.cutoff(night).timestamp()
    parts = [
        rows[[ENTITY]].assign(
            request=rows[ENTITY],
            place=0,
            at=begin + _SPACING_SECONDS * np.arange(first_position, first_position + len(rows)),
            protocol=prediction_log.BATCH,
            night=str(night),
            package=digest,
            route=routes[digest],
            score=values,
            fault=fault if digest == routing.challenger else None,
            latency_ms=np.nan,
            features=None,
        )
        for digest, values in scores.items()
    ]
    return prediction_log.cast(pd.concat(parts, ignore_index=True))


def _profiled_columns(case: UseCase) -> list[str]:
    """Return the features that the publication gate profiles: those allowed in reports, except texts."""
    texts = {text.column for text in case.texts}
    return [
        name
        for name in privacy.features_allowed_in(
            case, case.feature_names, coherence.function_parameters(case), "reports"
        )
        if name not in texts
    ]


def _spool(folder: Path) -> Spool:
    return Spool(folder=Path(mkdtemp(dir=folder)))
