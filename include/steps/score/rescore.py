"""Nights scored once more by a package of one's choice, into rows of their own: published scores stay as they are.

A rescore is planned once, with the version of the features that all its nights are read at; each night of it is then put
in place in one commit, so that it may be interrupted, repeated and run by several at once.
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from include.steps import justification, release_state
from include.steps.context import NightContext, StepContext
from include.steps.features import build as feature_step
from include.steps.score import batch_prediction
from include.steps.score.batch_prediction import ScoringPackage
from include.stores import lake, ledger, packages, table_snapshot
from include.stores.files.spool import Spool
from ml.errors import RequestError
from ml.features import ENTITY
from ml.governance import ledger_entries
from ml.governance.ledger_entries import EntryKind, Rescored, Verdict
from ml.ingestion.availability import NIGHT
from ml.usecase.periods import Period

STAGE = "rescores"
CHAMPION, EACH_NIGHT = "champion", "each-night"
_DIGEST_CHARS, _CHUNK_NIGHTS = 12, 28


@dataclass(frozen=True, kw_only=True, slots=True)
class RescoreChunk:
    """Some nights of a rescore: by which package (a digest, or that of `EACH_NIGHT`), from which version of the features."""

    period: str
    package: str
    version: int


def plan(use_case: str, first: str, last: str, package: str, who: str, why: str) -> list[RescoreChunk]:
    """Write who wants the nights `first` to `last` scored again and why, and return them in chunks.

    `package` is `CHAMPION` (of now), `EACH_NIGHT` (whoever was champion then), or the beginning of a digest. Raises
    RequestError for days that are no nights, nights without features, and a package that is not there.
    """
    context = StepContext.load(use_case)
    justification.check("a rescore", who, why)
    period = context.case.horizon.parse(f"{first}..{last}")
    known = [
        night for night in lake.nights(feature_step.address(context.settings.lake, context.case)) if night in period
    ]
    if not known:
        raise RequestError(f"expected nights of {context.case.name} that have features, got {period}: none of them has")
    digest = package if package == EACH_NIGHT else _digest(context, package)
    version = table_snapshot.take(context.case, context.settings).version(feature_step.STAGE, feature_step.TABLE)
    request_digest = hashlib.sha256(f"{period}:{digest}:{version}:{who}:{why}".encode()).hexdigest()
    ledger.append(
        context.engine,
        kind=EntryKind.RESCORED,
        use_case=context.case.name,
        night=period.last,
        subject=digest,
        payload=Rescored(
            first=known[0],
            last=known[-1],
            nights=len(known),
            who=who,
            why=why,
            table_versions={f"{feature_step.STAGE}/{feature_step.TABLE}": version},
        ),
        key=f"{context.case.name}:{EntryKind.RESCORED}:{request_digest}",
    )
    chunks = [known[at : at + _CHUNK_NIGHTS] for at in range(0, len(known), _CHUNK_NIGHTS)]
    return [RescoreChunk(period=str(Period(each[0], each[-1])), package=digest, version=version) for each in chunks]


def rescore(use_case: str, chunk: RescoreChunk) -> int:
    """Score the nights of `chunk` that are not there yet, and return how many rows it has now.

    Nights without a champion have none. Raises FeatureError where the features do not mean what a package learned.
    """
    context = StepContext.load(use_case)
    uri, period = address(context, chunk.package), context.case.horizon.parse(chunk.period)
    loaded: dict[str, ScoringPackage] = {}
    for night in lake.nights(feature_step.address(context.settings.lake, context.case)):
        digest = _package_for(context.at(night), chunk.package) if night in period else None
        if digest is not None and not _is_done(uri, night, digest, chunk.version):
            if digest not in loaded:
                loaded = {
                    digest: ScoringPackage(digest=digest, model=batch_prediction.load_model(digest, context.settings))
                }
            _score_night(uri, context.at(night), loaded[digest], chunk.version)
    return lake.count(uri, str(period.first), str(period.last))


def address(context: StepContext, package: str) -> str:
    """Return where what `package` made of nights again rests: a table of each package, one of `EACH_NIGHT`."""
    return lake.address(context.settings.lake, context.case.name, STAGE, package[:_DIGEST_CHARS])


def _score_night(uri: str, context: NightContext, package: ScoringPackage, version: int) -> None:
    period, source = Period(context.night, context.night), feature_step.address(context.settings.lake, context.case)
    with TemporaryDirectory() as folder:
        spool = Spool(folder=Path(folder))
        for rows in lake.batches(source, period, at_version=version):
            scores = package.predict(rows, context.case, context.settings)
            scored = rows[[ENTITY, NIGHT]].assign(model_digest=package.digest, score=scores, features_version=version)
            spool = spool.add(scored)
        if spool.count:
            lake.replace(uri, period, spool)


def _is_done(uri: str, night: date, digest: str, version: int) -> bool:
    """Whether the night is there: it appears whole, in one commit."""
    stored = lake.batches(uri, Period(night, night), ("model_digest", "features_version"))
    matching = [
        bool(((rows["model_digest"] == digest) & (rows["features_version"] == version)).all()) for rows in stored
    ]
    return bool(matching) and all(matching)


def _package_for(context: NightContext, package: str) -> str | None:
    return release_state.as_of(context).champion if package == EACH_NIGHT else package


def _digest(context: StepContext, package: str) -> str:
    if package == CHAMPION:
        champion = release_state.current(context).champion
        if champion is None:
            raise RequestError(f"{context.case.name} has no champion yet: train one and release it, or name a package")
        return champion
    verdicts = ledger.entries(context.engine, context.case.name, EntryKind.JUDGED)
    packed = {each.subject for each in verdicts if ledger_entries.read(each, Verdict).package is not None}
    matches = sorted(each for each in packed if each.startswith(package))
    if len(package) < _DIGEST_CHARS or len(matches) != 1:
        raise RequestError(
            f"expected {CHAMPION}, {EACH_NIGHT} or {_DIGEST_CHARS} characters or more of the digest of one package of {context.case.name}, got "
            f"{package!r}: `ratchet ledger show --use-case {context.case.name} --kind judged` lists them"
        )
    packages.get(context.settings.packages, matches[0], context.settings.trusted_keys)
    return matches[0]
