"""Rescore: score past nights again with a chosen package, into tables of its own; published scores stay as they are.

A rescore is planned once, which pins one version of the features for all its nights. Each night is then written in one
commit, so a rescore can be interrupted, repeated, and run several times in parallel.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from include.steps import justification, release_state, scoring_package
from include.steps.context import NightContext, StepContext
from include.steps.features import build as feature_step
from include.steps.scoring_package import ScoringPackage
from include.stores import lake, ledger, packages, table_snapshot
from include.stores.files.spool import Spool
from ml.errors import RequestError
from ml.features import ENTITY
from ml.governance import ledger_entries
from ml.governance.ledger_entries import EntryKind, Rescored, Verdict
from ml.ingestion.availability import NIGHT
from ml.packaging import learned_span
from ml.packaging.learned_span import LearnedSpan
from ml.usecase.periods import Period

_LOG = logging.getLogger(__name__)
STAGE = "rescores"
CHAMPION, EACH_NIGHT = "champion", "each-night"
_MARK = "out_of_sample"
_DIGEST_CHARS, _CHUNK_NIGHTS = 12, 28


@dataclass(frozen=True, kw_only=True, slots=True)
class RescoreChunk:
    """Some nights of a rescore, the package (a digest, or `EACH_NIGHT`), and the version of the features."""

    period: str
    package: str
    version: int


def plan(
    use_case: str,
    first: str,
    last: str,
    package: str,
    who: str,
    why: str,
    warn: Callable[[str], object] = _LOG.warning,
) -> list[RescoreChunk]:
    """Record who requests to rescore the nights `first` to `last` and why, and return the nights in chunks.

    `package` is `CHAMPION` (the current one), `EACH_NIGHT` (the champion of each night), or the beginning of a digest.
    Calls `warn` with the counts if some nights are not known to lie after all that the package learned from. Raises
    RequestError for dates that are no nights, when no night has features, and for an unknown package.
    """
    context = StepContext.load(use_case)
    justification.check("a rescore", who, why)
    period = context.case.schedule.parse(f"{first}..{last}")
    known = [
        night for night in lake.nights(feature_step.address(context.settings.lake, context.case)) if night in period
    ]
    if not known:
        raise RequestError(f"expected nights of {context.case.name} that have features, got {period}: none of them has")
    digest = package if package == EACH_NIGHT else _digest(context, package)
    version = feature_step.version(table_snapshot.take(context.case, context.settings), context.case)
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
            table_versions={feature_step.name(context.case): version},
        ),
        key=f"{context.case.name}:{EntryKind.RESCORED}:{request_digest}",
    )
    if warning := _sample_warning(context, known, digest, version):
        warn(warning)
    chunks = [known[at : at + _CHUNK_NIGHTS] for at in range(0, len(known), _CHUNK_NIGHTS)]
    return [RescoreChunk(period=str(Period(each[0], each[-1])), package=digest, version=version) for each in chunks]


def rescore(use_case: str, chunk: RescoreChunk) -> int:
    """Score the nights of `chunk` that are missing, and return the number of rows of the chunk.

    Nights that had no champion are skipped. Raises FeatureError when features do not mean what a package pins.
    """
    context = StepContext.load(use_case)
    uri, period = address(context, chunk.package), context.case.schedule.parse(chunk.period)
    loaded: dict[str, ScoringPackage] = {}
    for night in lake.nights(feature_step.address(context.settings.lake, context.case)):
        digest = _package_for(context.at(night), chunk.package) if night in period else None
        if digest is None:
            continue
        if digest not in loaded:
            loaded = {digest: scoring_package.load(digest, context.settings)}
        if not _is_done(uri, night, loaded[digest], chunk.version):
            _score_night(uri, context.at(night), loaded[digest], chunk.version)
    return lake.count(uri, str(period.first), str(period.last))


def address(context: StepContext, package: str) -> str:
    """Return the address of the rescored nights: one table for each package, and one for `EACH_NIGHT`."""
    return lake.address(context.settings.lake, context.case.name, STAGE, package[:_DIGEST_CHARS])


def _score_night(uri: str, context: NightContext, package: ScoringPackage, version: int) -> None:
    mark = package.learned.is_out_of_sample(context.night)
    period, source = Period(context.night, context.night), feature_step.address(context.settings.lake, context.case)
    with TemporaryDirectory() as folder:
        spool = Spool(folder=Path(folder))
        for rows in lake.batches(source, period, at_version=version):
            scores = package.predict(rows, context)
            scored = rows[[ENTITY, NIGHT]].assign(
                model_digest=package.digest,
                score=scores,
                features_version=version,
                **{_MARK: pd.array([mark] * len(rows), dtype="boolean")},
            )
            spool = spool.add(scored)
        if spool.count:
            lake.replace(uri, period, spool)


def _sample_warning(context: StepContext, nights: Sequence[date], package: str, version: int) -> str:
    """Return how many nights and rows the package learned from, or may have; "" if there are none."""
    source, spans = feature_step.address(context.settings.lake, context.case), dict[str, LearnedSpan]()
    counts = {"nights": Counter[bool | None](), "rows": Counter[bool | None]()}
    for night in nights:
        digest = _package_for(context.at(night), package)
        if digest is None:
            continue
        if digest not in spans:
            spans[digest] = scoring_package.read_learned(digest, context.settings)
        mark = spans[digest].is_out_of_sample(night)
        counts["nights"][mark] += 1
        counts["rows"][mark] += lake.count(source, str(night), str(night), version)
    of_nights, of_rows = (learned_span.count(each) for each in counts.values())
    if not of_nights.is_mixed:
        return ""
    until = ", ".join(
        f"{digest[:12]} learned from nights up to {span.until}"
        if span.until
        else f"what {digest[:12]} learned from is not known"
        for digest, span in spans.items()
    )
    return (
        f"{of_nights.describe('nights')} ({of_rows.describe('rows')}): {until}. In sample, a model looks better than it "
        "is; the column out_of_sample says which rows may be used to judge it"
    )


def _is_done(uri: str, night: date, package: ScoringPackage, version: int) -> bool:
    """Return whether the night was rescored already, with its mark; it is written as a whole, in one commit."""
    if _MARK not in lake.columns(uri):
        return False
    mark = package.learned.is_out_of_sample(night)
    stored = lake.batches(uri, Period(night, night), ("model_digest", "features_version", _MARK))
    matching = [
        bool(((rows["model_digest"] == package.digest) & (rows["features_version"] == version)).all())
        and set(rows[_MARK].astype("boolean")) == {pd.NA if mark is None else mark}
        for rows in stored
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
            f"expected {CHAMPION}, {EACH_NIGHT} or {_DIGEST_CHARS} characters or more of the digest of one package of "
            f"{context.case.name}, got {package!r}: `ratchet ledger show --use-case {context.case.name} --kind judged` "
            "lists them"
        )
    packages.get(context.settings.packages, matches[0], context.settings.trusted_keys)
    return matches[0]
