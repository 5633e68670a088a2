"""How far a night's features lie from what the champion learned, feature by feature, and what the declared drift says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from include.settings import Settings
from include.steps.features import build as feature_step
from include.steps.monitor.performance import Part
from include.stores import warehouse
from include.stores.table_snapshot import Snapshot
from include.stores.warehouse import Alert
from include.usecases import coherence
from ml.features import ENTITY
from ml.governance import privacy
from ml.ingestion.availability import NIGHT
from ml.monitoring import data_quality, drift
from ml.monitoring.data_quality import Soundness
from ml.periods import Period
from ml.usecase import UseCase

SHARE = "drifted_share"
_UNSOUND = "unsound"


@dataclass(frozen=True, kw_only=True)
class Drifted:
    """What was found: the features that the champion learned from and those of the night, and which share has moved.

    `share` is what the declared drift says, None where it cannot be told.
    """

    learned: pd.DataFrame
    tonight: pd.DataFrame
    share: float | None


def measure(
    case: UseCase, night: date, model_digest: str, fitted: Period, tables: Snapshot, settings: Settings
) -> Drifted:
    """Record how far the features of `night`, all that may be reported on, have moved, and return what was found.

    `fitted` are the nights that the model learned from.
    """
    learned, tonight = (_features(case, each, tables, settings) for each in (fitted, Period(night, night)))
    values: dict[str, float] = {}
    if len(tonight):
        indexes = drift.population_stability(learned, tonight, _texts(case))
        values = {f"psi:{name}": value for name, value in indexes.items()} | {SHARE: drift.share_beyond(indexes)}
        sound = data_quality.measure(learned, tonight)
        values |= _sound(sound)
        _tell(case, night, sound, settings)
    _record(case, night, model_digest, values, len(tonight), settings)
    share = _declared(case, night, model_digest, fitted, tables, settings)
    return Drifted(learned=learned, tonight=tonight, share=share)


def _sound(found: Sequence[Soundness]) -> dict[str, float]:
    """Return how many values are missing, infinite, or beyond what was learned from: of all features, and of each that has some."""
    values: dict[str, float] = {}
    for name in ("missing", "infinite", "beyond"):
        counts = {each.feature: float(getattr(each, name)) for each in found}
        values |= {f"{name}_values": sum(counts.values())}
        values |= {f"{name}_values:{feature}": count for feature, count in counts.items() if count}
    return values


def _tell(case: UseCase, night: date, found: Sequence[Soundness], settings: Settings) -> None:
    """Raise an alert for each feature that has infinite values; withdraw what no longer holds."""
    told = [
        Alert(
            use_case=case.name,
            night=night,
            kind=_UNSOUND,
            subject=each.feature,
            message=f"{each.infinite} of {each.rows} values of the feature {each.feature} are infinite: mend how it is computed",
        )
        for each in found
        if each.infinite
    ]
    warehouse.settle_alerts(warehouse.engine(settings.warehouse_url), case.name, night, (_UNSOUND,), told)


def _declared(
    case: UseCase, night: date, model_digest: str, fitted: Period, tables: Snapshot, settings: Settings
) -> float | None:
    declared = case.triggers.drift
    if declared is None:
        return None
    spans = drift.spans(declared, case.triggers.window_nights, night, fitted, case.horizon)
    reference, current = (_features(case, each, tables, settings) for each in spans)
    share = drift.share(reference, current, _texts(case), declared)
    values = {} if share is None else {f"{SHARE}:{declared.against}": share}
    _record(case, night, model_digest, values, len(current), settings)
    return share


def _features(case: UseCase, when: Period, tables: Snapshot, settings: Settings) -> pd.DataFrame:
    names = privacy.telling(case, case.feature_names, coherence.needs(case), "reports")
    version = tables.version(feature_step.STAGE, feature_step.TABLE)
    rows = feature_step.read(settings.lake, case, str(when.first), str(when.last), version)
    return rows.sort_values([NIGHT, ENTITY], ignore_index=True)[names] if len(rows) else rows.reindex(columns=names)


def _texts(case: UseCase) -> list[str]:
    return [text.column for text in case.texts]


def _record(
    case: UseCase, night: date, model_digest: str, values: Mapping[str, float], rows: int, settings: Settings
) -> None:
    part = Part(use_case=case.name, night=night, model_digest=model_digest)
    found = [part.metric(name, value, rows) for name, value in values.items()]
    warehouse.record_metrics(warehouse.engine(settings.warehouse_url), found)
