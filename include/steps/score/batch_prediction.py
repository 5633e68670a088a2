"""A night's entities answered, some rows at a time: scores and copies set aside on disk, in memory that does not grow."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pandas as pd

from include.settings import Settings
from include.steps.features import build as feature_step
from include.steps.features import feature_pins
from include.steps.score import prediction_log
from include.stores import lake, packages
from include.stores.files.spool import Spool
from include.usecases import coherence
from ml import targets
from ml.arrays import Booleans, Floats
from ml.errors import DataError, FeatureError, PackageError
from ml.features import ENTITY
from ml.governance import privacy
from ml.ingestion.availability import NIGHT
from ml.packaging import package_files
from ml.periods import Period
from ml.rollout.routing import Route, Routing
from ml.scoring.publication_gate import SCORE, Batch
from ml.statistics import column_profiles
from ml.statistics.column_profiles import Profile
from ml.training.fitting import Model
from ml.usecase import UseCase

SCORES = (ENTITY, "model_digest", "score")
_APART_SECONDS = 0.001  # between one entity and the next, whichever package answers: so that their answers alternate
_PROFILED = 50_000  # a profile of so many rows is within .006 of that of all (Dvoretzky, Kiefer, Wolfowitz)
_HASHES = 2**64


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The answers to a night on disk: `scores` (columns `SCORES`), and while a challenger is under way `copies` of them.

    `wrong` of them are no answer, or none that the target can have. `profiles` are of the scores and the features.
    """

    scores: Spool
    copies: Spool
    wrong: int = 0
    profiles: Mapping[str, Profile] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return self.scores.count

    def among(self, entities: int) -> Batch:
        """Return the night as it is judged, of which `entities` should have been answered."""
        return Batch(entities=entities, rows=self.rows, wrong=self.wrong, profiles=self.profiles)

    def parts(self) -> Iterator[pd.DataFrame]:
        """Yield the scores, some rows at a time."""
        if self.rows:
            yield from (part.to_pandas() for part in self.scores.read())


@dataclass(frozen=True, kw_only=True)
class Package:
    """A model that has proven to mean by its features what the rows mean by them."""

    digest: str
    model: Model
    proven: set[tuple[str, str]] = field(default_factory=set)

    def answer(self, rows: pd.DataFrame, case: UseCase, settings: Settings) -> Floats:
        """Return the scores of `rows`; raises FeatureError unless they mean what the model learned."""
        if feature_step.SERVICE not in rows or rows[feature_step.SERVICE].isna().any():
            feature_pins.require_rows(self.digest, rows, case, settings)
        built = rows[[NIGHT, feature_step.SERVICE]].drop_duplicates()
        if new := set(built.itertuples(index=False, name=None)) - self.proven:
            feature_pins.require_rows(self.digest, built, case, settings)
            self.proven.update(new)
        return self.model.predict(rows)


def model(digest: str, settings: Settings) -> Model:
    """Return the model packed under `digest`, every byte held against its manifest."""
    return package_files.load(packages.get(settings.packages, digest, settings.trusted_keys))


def answer(case: UseCase, night: date, version: int, routing: Routing, settings: Settings, aside: Path) -> Answered:
    """Return what the packages of `routing` answer to the entities of `night`, as of `version` of the features.

    Files go into the folder `aside`. A challenger that fails is written down, and the champion answers for everybody.
    Raises FeatureError when the features do not mean what the champion learned them as, PackageError for its bytes.
    """
    if routing.challenger is not None:
        try:
            return _answered(case, night, version, routing, settings, aside)
        except _ChallengerError as failed:
            return _answered(case, night, version, routing, settings, aside, fault=str(failed))
    return _answered(case, night, version, routing, settings, aside)


class _ChallengerError(Exception):
    """The challenger has no answers, for the reason that the text says."""


def _answered(
    case: UseCase, night: date, version: int, routing: Routing, settings: Settings, aside: Path, fault: str | None = None
) -> Answered:
    champion = Package(digest=routing.champion, model=model(routing.champion, settings))
    challenger = _challenger(routing, settings) if fault is None else None
    target, when = targets.of(case), Period(night, night)
    uri, names = feature_step.address(settings.lake, case), _profiled(case)
    share = _PROFILED / max(lake.count(uri, str(night), str(night), version), 1)
    found, sampled = Answered(scores=_spool(aside), copies=_spool(aside)), list[pd.DataFrame]()
    for rows in lake.batches(uri, when, at_version=version):
        scores = {routing.champion: champion.answer(rows, case, settings)}
        if routing.challenger is not None:
            scores[routing.challenger] = _challenged(challenger, rows, case, settings)
        canary = _canaries(rows, routing if fault is None else routing.alone)
        issued = _issued(rows, scores, routing, canary)
        found = replace(
            found,
            scores=found.scores.add(issued),
            copies=found.copies.add(_copies(rows, scores, routing, canary, fault, case, night, found.rows)),
            wrong=found.wrong + sum(not target.answers_well(score) for score in issued[SCORE].tolist()),
        )
        kept = pd.util.hash_array(rows[ENTITY].to_numpy(object)) < share * _HASHES if share < 1 else slice(None)
        sampled.append(issued[[SCORE]].join(rows[names])[kept])
    columns = pd.concat(sampled) if sampled else pd.DataFrame(columns=[SCORE, *names], dtype=np.float64)
    return replace(found, profiles={str(name): column_profiles.of(columns[name]) for name in columns})


def _challenger(routing: Routing, settings: Settings) -> Package | None:
    if routing.challenger is None:
        return None
    try:
        return Package(digest=routing.challenger, model=model(routing.challenger, settings))
    except PackageError as fault:
        raise _ChallengerError(f"{type(fault).__name__}: {fault}") from None


def _challenged(challenger: Package | None, rows: pd.DataFrame, case: UseCase, settings: Settings) -> Floats:
    if challenger is None:
        return np.full(len(rows), np.nan)
    try:
        return challenger.answer(rows, case, settings)
    except (DataError, FeatureError, PackageError) as fault:
        raise _ChallengerError(f"{type(fault).__name__}: {fault}") from None


def _canaries(rows: pd.DataFrame, routing: Routing) -> Booleans:
    """Return for which entities the challenger answers."""
    if not routing.canary:
        return np.full(len(rows), False)
    return np.array([routing.route(entity) is Route.CANARY for entity in rows[ENTITY]])


def _issued(rows: pd.DataFrame, scores: dict[str, Floats], routing: Routing, canary: Booleans) -> pd.DataFrame:
    """Return the one score that each entity is given, and whose it is."""
    by, score = np.full(len(rows), routing.champion, object), scores[routing.champion]
    if routing.challenger is not None:
        by = np.where(canary, routing.challenger, by)
        score = np.where(canary, scores[routing.challenger], score)
    return rows[[ENTITY]].assign(model_digest=by, score=score)


def _copies(
    rows: pd.DataFrame,
    scores: dict[str, Floats],
    routing: Routing,
    canary: Booleans,
    fault: str | None,
    case: UseCase,
    night: date,
    first: int,
) -> pd.DataFrame:
    """Return what each package answered for each entity: for the caller, or as a copy; no rows without a challenger.

    Where the challenger failed the champion answers for it too. `first` is the place of the first row in its night.
    """
    if routing.challenger is None:
        return pd.DataFrame()
    dealt = canary if fault is None else _canaries(rows, routing)
    routes = {
        routing.champion: np.where(canary, Route.SHADOW, Route.CHAMPION),
        routing.challenger: np.where(dealt, Route.CANARY, Route.SHADOW),
    }
    begin = case.horizon.cutoff(night).timestamp()
    parts = [
        rows[[ENTITY]].assign(
            request=rows[ENTITY],
            place=0,
            at=begin + _APART_SECONDS * np.arange(first, first + len(rows)),
            protocol=prediction_log.BATCH,
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
    return prediction_log.typed(pd.concat(parts, ignore_index=True))


def _profiled(case: UseCase) -> list[str]:
    """Return the features that are held against earlier nights: those that a report may tell of, and that are no texts."""
    texts = {text.column for text in case.texts}
    return [
        name
        for name in privacy.telling(case, case.feature_names, coherence.needs(case), "reports")
        if name not in texts
    ]


def _spool(folder: Path) -> Spool:
    return Spool(folder=Path(mkdtemp(dir=folder)))
