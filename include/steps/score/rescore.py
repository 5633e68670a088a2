"""Nights scored once more by a package of one's choice, into rows of their own: what was issued stays what was issued.

A rescore is planned once, with the version of the features that all its nights are read at; each night of it is then put
in place in one commit, so that it may be interrupted, repeated and run by several at once.
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from include import usecases
from include.settings import Settings, load_settings
from include.steps import justification, release_state
from include.steps.features import build as feature_step
from include.steps.score import batch_prediction
from include.steps.score.batch_prediction import Package
from include.stores import lake, ledger, packages, table_snapshot, warehouse
from include.stores.files.spool import Spool
from ml.errors import RequestError
from ml.features import ENTITY
from ml.ingestion.availability import NIGHT
from ml.periods import Period
from ml.usecase import UseCase

STAGE, RESCORED = "rescores", "rescored"
CHAMPION, EACH_NIGHT = "champion", "each-night"
_SHORT, _STRETCH = 12, 28


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """Some nights of a rescore: by which package (a digest, or that of `EACH_NIGHT`), from which version of the features."""

    period: str
    package: str
    version: int


def plan(use_case: str, first: str, last: str, package: str, who: str, why: str) -> list[Stretch]:
    """Write who wants the nights `first` to `last` scored again and why, and return them in stretches.

    `package` is `CHAMPION` (of now), `EACH_NIGHT` (whoever was champion then), or the beginning of a digest. Raises
    RequestError for days that are no nights, nights without features, and a package that is not there.
    """
    case, settings = usecases.get(use_case), load_settings()
    justification.require("a rescore", who, why)
    when = case.horizon.parse(f"{first}..{last}")
    known = [night for night in lake.nights(feature_step.address(settings.lake, case)) if night in when]
    if not known:
        raise RequestError(f"expected nights of {case.name} that have features, got {when}: none of them has")
    digest = package if package == EACH_NIGHT else _digest(case, package, settings)
    version = table_snapshot.take(case, settings).version(feature_step.STAGE, feature_step.TABLE)
    asked = hashlib.sha256(f"{when}:{digest}:{version}:{who}:{why}".encode()).hexdigest()
    ledger.append(
        warehouse.engine(settings.warehouse_url),
        kind=RESCORED,
        use_case=case.name,
        night=when.last,
        subject=digest,
        payload={
            "first": str(known[0]),
            "last": str(known[-1]),
            "nights": len(known),
            "who": who,
            "why": why,
            "reads": {f"{feature_step.STAGE}/{feature_step.TABLE}": version},
        },
        key=f"{case.name}:{RESCORED}:{asked}",
    )
    ends = [known[at : at + _STRETCH] for at in range(0, len(known), _STRETCH)]
    return [Stretch(period=str(Period(each[0], each[-1])), package=digest, version=version) for each in ends]


def rescore(use_case: str, stretch: Stretch) -> int:
    """Score the nights of `stretch` that are not there yet, and return how many rows it has now.

    Nights without a champion have none. Raises FeatureError where the features do not mean what a package learned.
    """
    case, settings = usecases.get(use_case), load_settings()
    uri, when = address(case, stretch.package, settings), case.horizon.parse(stretch.period)
    loaded: dict[str, Package] = {}
    for night in lake.nights(feature_step.address(settings.lake, case)):
        digest = _of_night(case, night, stretch.package, settings) if night in when else None
        if digest is not None and not _done(uri, night, digest, stretch.version):
            if digest not in loaded:
                loaded = {digest: Package(digest=digest, model=batch_prediction.model(digest, settings))}
            _put(uri, case, night, loaded[digest], stretch.version, settings)
    return lake.count(uri, str(when.first), str(when.last))


def address(case: UseCase, package: str, settings: Settings) -> str:
    """Return where what `package` made of nights again rests: a table of each package, one of `EACH_NIGHT`."""
    return lake.address(settings.lake, case.name, STAGE, package[:_SHORT])


def _put(uri: str, case: UseCase, night: date, package: Package, version: int, settings: Settings) -> None:
    when, source = Period(night, night), feature_step.address(settings.lake, case)
    with TemporaryDirectory() as aside:
        found = Spool(folder=Path(aside))
        for rows in lake.batches(source, when, at_version=version):
            scores = package.answer(rows, case, settings)
            made = rows[[ENTITY, NIGHT]].assign(model_digest=package.digest, score=scores, features_version=version)
            found = found.add(made)
        if found.count:
            lake.replace(uri, when, found)


def _done(uri: str, night: date, digest: str, version: int) -> bool:
    """Whether the night is there: it appears whole, in one commit."""
    made = lake.batches(uri, Period(night, night), ("model_digest", "features_version"))
    alike = [bool(((rows["model_digest"] == digest) & (rows["features_version"] == version)).all()) for rows in made]
    return bool(alike) and all(alike)


def _of_night(case: UseCase, night: date, package: str, settings: Settings) -> str | None:
    return release_state.on(case, night, settings).champion if package == EACH_NIGHT else package


def _digest(case: UseCase, package: str, settings: Settings) -> str:
    if package == CHAMPION:
        champion = release_state.now(case, settings).champion
        if champion is None:
            raise RequestError(f"{case.name} has no champion yet: train one and release it, or name a package")
        return champion
    judged = ledger.entries(warehouse.engine(settings.warehouse_url), case.name, "judged")
    packed = {each.subject for each in judged if "package" in each.payload}
    found = sorted(each for each in packed if each.startswith(package))
    if len(package) < _SHORT or len(found) != 1:
        raise RequestError(
            f"expected {CHAMPION}, {EACH_NIGHT} or {_SHORT} characters or more of the digest of one package of {case.name}, got "
            f"{package!r}: `ratchet ledger show --use-case {case.name} --kind judged` lists them"
        )
    packages.get(settings.packages, found[0], settings.trusted_keys)
    return found[0]
