"""Store the explanations of a night's published scores in the lake: the features that moved each score most.

They follow the table of scores: each score is explained by its own package, from the version of the features that it
was computed from. Scores that are explained already keep their rows, and scores that are new get theirs, so that
repeating this, after late rows or an override too, leaves what one run would have left.
"""

import logging
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from include.steps import scoring_package
from include.steps.context import NightContext, StepContext
from include.steps.features import build as feature_step
from include.steps.scoring_package import ScoringPackage
from include.stores import lake, warehouse
from include.stores.files.spool import Spool
from ml.arrays import Floats
from ml.errors import DataError, LedgerError, PackageError
from ml.evaluation import explain
from ml.features import ENTITY
from ml.usecase.periods import Period

STAGE, TABLE = "explanations", "entities"
DIGEST, VERSION, RANK = "model_digest", "features_version", "rank"
_ROWS, _TOLERANCE = 8_192, 1e-9
_LOG = logging.getLogger(__name__)

Group = tuple[str, int]  # the scores of one model, by its digest, from one version of the features


def store(context: NightContext) -> int:
    """Bring the explanations of the night up to date, and return how many rows it has then.

    Without a declaration nothing happens. Scores that cannot be explained are left out with a warning: those of a
    network, and those whose package or version of the features was removed. Raises LedgerError when a package gives
    another score than the published one.
    """
    if context.case.explanations is None:
        return 0
    scored, rows = dict[Group, int](), 0
    while scored != (published := _count_scored(context)):  # another run may publish while this one writes
        scored, rows = published, _update(context, published)
    return rows


def address(context: StepContext) -> str:
    """Return the address of the table; each of its rows has one feature of the explanation of one score.

    Columns: `night`, `entity`, `model_digest` and `features_version` of the score; `rank` (from 1), `feature` and
    `contribution`; and, equal in all rows of a score, `base_value`, `rest` and `raw`. The contributions of a score,
    its base value and its rest add up to `raw`, from which the package's calibration makes the score.
    """
    return lake.address(context.settings.lake, context.case.name, STAGE, TABLE)


def _update(context: NightContext, scored: Mapping[Group, int]) -> int:
    """Write the rows of the scores that are not explained yet, and return how many rows the night has then."""
    uri, period = address(context), Period(context.night, context.night)
    stored = _count_stored(uri, period)
    finished, waiting = set[Group](), dict[Group, ScoringPackage]()
    for group, count in scored.items():
        package = _load(context, group)
        if package is None or stored[group] == count * _size(context, package):
            finished.add(group)
        else:
            waiting[group] = package
    if not waiting and stored.keys() <= finished:
        return stored.total()
    with TemporaryDirectory() as folder:
        spool = _add_stored(Spool(folder=Path(folder)), uri, period, finished)
        for group, package in waiting.items():
            try:
                spool = _add_explained(spool, context, group, package)
            except DataError as error:  # a prune removed this version of the features
                _LOG.warning("%s", _warning(context, group, str(error)))
                spool = _add_stored(spool, uri, period, {group})
        lake.replace(uri, period, spool)
        return spool.count


def _count_stored(uri: str, period: Period) -> Counter[Group]:
    counts = Counter[Group]()
    for rows in lake.batches(uri, period, (DIGEST, VERSION)):
        counts.update(zip(rows[DIGEST].tolist(), rows[VERSION].tolist(), strict=True))
    return counts


def _count_scored(context: NightContext) -> dict[Group, int]:
    counts = warehouse.count_by_model(context.engine, context.case.name, context.night)
    return {(digest, version): count for (digest, version), count in counts.items() if version is not None}


def _load(context: NightContext, group: Group) -> ScoringPackage | None:
    """Return the package of `group`; None, with a warning, if it is gone or has no contributions."""
    try:
        package = scoring_package.load(group[0], context.settings)
        reason = explain.unavailable_reason(package.model)
    except PackageError as error:
        reason = str(error)
    if reason:
        _LOG.warning("%s", _warning(context, group, reason))
        return None
    return package


def _size(context: StepContext, package: ScoringPackage) -> int:
    assert context.case.explanations is not None
    return min(context.case.explanations.top, len(package.model.encoder.names))


def _add_stored(spool: Spool, uri: str, period: Period, groups: Collection[Group]) -> Spool:
    for rows in lake.batches(uri, period):
        pairs = zip(rows[DIGEST].tolist(), rows[VERSION].tolist(), strict=True)
        spool = spool.add(rows[np.array([each in groups for each in pairs], bool)])
    return spool


def _add_explained(spool: Spool, context: NightContext, group: Group, package: ScoringPackage) -> Spool:
    """Return the spool with the explanations of the group; raises DataError if its version of the features is gone."""
    digest, version = group
    uri, period = feature_step.address(context.settings.lake, context.case), Period(context.night, context.night)
    for rows in lake.batches(uri, period, at_version=version, length=_ROWS):
        published = warehouse.scores_of_entities(
            context.engine, context.case.name, context.night, digest, version, rows[ENTITY].tolist()
        )
        chosen = rows[rows[ENTITY].isin(published.keys())]
        if not chosen.empty:
            scores = np.array([published[entity] for entity in chosen[ENTITY]])
            spool = spool.add(_explain_rows(context, chosen, scores, package).assign(**{VERSION: version}))
    return spool


def _explain_rows(context: NightContext, rows: pd.DataFrame, scores: Floats, package: ScoringPackage) -> pd.DataFrame:
    """Return a row for each entity and each of its largest contributions; raises LedgerError for other scores."""
    model, size = package.model, _size(context, package)
    explained = explain.contribute(model, model.encoder.encode(rows), context.settings.threads)
    errors = np.abs(model.calibration.apply(explained.raw) - scores) > _TOLERANCE * np.maximum(np.abs(scores), 1)
    if errors.any():
        raise LedgerError(
            f"the score {scores[errors][0]} of {rows[ENTITY].to_numpy()[errors][0]!r} on {context.night} was not made "
            f"by package {package.digest[:12]}: find out who wrote to the warehouse"
        )
    chosen = explained.largest(size)
    of_score = {
        ENTITY: rows[ENTITY].to_numpy(object),
        "base_value": explained.base_values,
        "rest": explained.rest(chosen),
        "raw": explained.raw,
    }
    return pd.DataFrame(
        {
            **{name: np.repeat(values, size) for name, values in of_score.items()},
            "night": str(context.night),
            DIGEST: package.digest,
            RANK: np.tile(np.arange(1, size + 1), len(rows)),
            "feature": np.array(explained.names, object)[chosen].ravel(),
            "contribution": np.take_along_axis(explained.by_feature, chosen, axis=1).ravel(),
        }
    )


def _warning(context: NightContext, group: Group, reason: str) -> str:
    return f"the scores of {context.night} by package {group[0][:12]} are not explained: {reason}"
