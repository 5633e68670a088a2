"""How far a night's features lie from what the champion learned, feature by feature, and what the declared drift says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter

import pandas as pd

from include.settings import Settings
from include.steps.features import build as feature_step
from include.steps.monitor.performance import MetricScope
from include.stores import warehouse
from include.stores.table_snapshot import TableSnapshot
from include.stores.warehouse import Alert
from include.usecases import coherence
from ml.features import ENTITY
from ml.governance import privacy
from ml.ingestion.availability import NIGHT
from ml.monitoring import data_quality, drift
from ml.monitoring.data_quality import ColumnQuality
from ml.periods import Period
from ml.usecase import UseCase

SHARE = "drifted_share"
_INFINITE = "infinite_values"
_COUNTED_VALUES: Mapping[str, Callable[[ColumnQuality], int]] = {
    "missing": attrgetter("missing"),
    "infinite": attrgetter("infinite"),
    "out_of_range": attrgetter("out_of_range"),
}


@dataclass(frozen=True, kw_only=True)
class FeatureDrift:
    """What was found: the features that the champion learned from and those of the night, and which share has moved.

    `share` is what the declared drift says, None where it cannot be told.
    """

    reference: pd.DataFrame
    current: pd.DataFrame
    share: float | None


def measure(
    case: UseCase, night: date, model_digest: str, training_period: Period, tables: TableSnapshot, settings: Settings
) -> FeatureDrift:
    """Record how far the features of `night`, all that may be reported on, have moved, and return what was found.

    `fitted` are the nights that the model learned from.
    """
    reference, current = (_features(case, each, tables, settings) for each in (training_period, Period(night, night)))
    values: dict[str, float] = {}
    if len(current):
        indexes = drift.population_stability_indexes(reference, current, _texts(case))
        values = {f"psi:{name}": value for name, value in indexes.items()} | {
            SHARE: drift.conventional_drifted_share(indexes)
        }
        quality = data_quality.measure(reference, current)
        values |= _quality_metrics(quality)
        _alert_infinite_values(case, night, quality, settings)
    _record(case, night, model_digest, values, len(current), settings)
    share = _declared_share(case, night, model_digest, training_period, tables, settings)
    return FeatureDrift(reference=reference, current=current, share=share)


def _quality_metrics(quality: Sequence[ColumnQuality]) -> dict[str, float]:
    """Return how many values are missing, infinite, or beyond what was learned from: of all features, and of each that has some."""
    values: dict[str, float] = {}
    for name, counted in _COUNTED_VALUES.items():
        counts = {each.feature: float(counted(each)) for each in quality}
        values |= {f"{name}_values": sum(counts.values())}
        values |= {f"{name}_values:{feature}": count for feature, count in counts.items() if count}
    return values


def _alert_infinite_values(case: UseCase, night: date, quality: Sequence[ColumnQuality], settings: Settings) -> None:
    """Raise an alert for each feature that has infinite values; withdraw what no longer holds."""
    alerts = [
        Alert(
            use_case=case.name,
            night=night,
            kind=_INFINITE,
            subject=each.feature,
            message=f"{each.infinite} of {each.rows} values of the feature {each.feature} are infinite: mend how it is computed",
        )
        for each in quality
        if each.infinite
    ]
    warehouse.replace_alerts(warehouse.engine(settings.warehouse_url), case.name, night, (_INFINITE,), alerts)


def _declared_share(
    case: UseCase, night: date, model_digest: str, training_period: Period, tables: TableSnapshot, settings: Settings
) -> float | None:
    declared = case.triggers.drift
    if declared is None:
        return None
    spans = drift.comparison_periods(declared, case.triggers.window_nights, night, training_period, case.horizon)
    reference, current = (_features(case, each, tables, settings) for each in spans)
    share = drift.drifted_share(reference, current, _texts(case), declared)
    values = {} if share is None else {f"{SHARE}:{declared.reference}": share}
    _record(case, night, model_digest, values, len(current), settings)
    return share


def _features(case: UseCase, period: Period, tables: TableSnapshot, settings: Settings) -> pd.DataFrame:
    names = privacy.features_allowed_in(case, case.feature_names, coherence.function_parameters(case), "reports")
    version = tables.version(feature_step.STAGE, feature_step.TABLE)
    rows = feature_step.read(settings.lake, case, str(period.first), str(period.last), version)
    return rows.sort_values([NIGHT, ENTITY], ignore_index=True)[names] if len(rows) else rows.reindex(columns=names)


def _texts(case: UseCase) -> list[str]:
    return [text.column for text in case.texts]


def _record(
    case: UseCase, night: date, model_digest: str, values: Mapping[str, float], rows: int, settings: Settings
) -> None:
    scope = MetricScope(use_case=case.name, night=night, model_digest=model_digest)
    metrics = [scope.metric(name, value, rows) for name, value in values.items()]
    warehouse.record_metrics(warehouse.engine(settings.warehouse_url), metrics)
