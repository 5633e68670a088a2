"""Feature drift: compare a night's features with the champion's training data, one by one and as the declared share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import pandas as pd

from include.steps.context import NightContext, StepContext
from include.steps.features import training_profile
from include.steps.monitor.performance import MetricScope
from include.stores import warehouse
from include.stores.table_snapshot import TableSnapshot
from ml.monitoring import data_quality, drift, reference_profile
from ml.monitoring.data_quality import ColumnQuality
from ml.monitoring.reference_profile import ReferenceProfile
from ml.usecase.periods import Period

SHARE = "drifted_share"
_COUNTED_VALUES: Mapping[str, Callable[[ColumnQuality], int]] = {
    "missing": attrgetter("missing"),
    "infinite": attrgetter("infinite"),
    "out_of_range": attrgetter("out_of_range"),
}


@dataclass(frozen=True, kw_only=True)
class FeatureDrift:
    """The reportable features of the night, and the share of the features that drifted.

    `share` is measured as the use case declares it; None without a declaration, or if it cannot be measured.
    """

    current: pd.DataFrame
    share: float | None


def measure(
    context: NightContext,
    model_digest: str,
    reference: ReferenceProfile,
    training_period: Period,
    tables: TableSnapshot,
) -> FeatureDrift:
    """Record the drift and the data quality of all reportable features of the night, and return the result.

    `reference` is the profile of these features in the nights of `training_period`, which the model was trained on.
    """
    current = _features(context, Period(context.night, context.night), tables)
    values: dict[str, float] = {}
    if len(current):
        indexes = drift.population_stability_indexes(reference, current)
        values = {f"psi:{name}": value for name, value in indexes.items()} | {
            SHARE: drift.conventional_drifted_share(indexes)
        }
        values |= _quality_metrics(data_quality.measure(reference, current))
    _record(context, model_digest, values, len(current))
    share = _declared_share(context, model_digest, reference, training_period, tables)
    return FeatureDrift(current=current, share=share)


def _quality_metrics(quality: Sequence[ColumnQuality]) -> dict[str, float]:
    """Return the numbers of missing, infinite and out-of-range values: in total, and for each feature that has any."""
    values: dict[str, float] = {}
    for name, counted in _COUNTED_VALUES.items():
        counts = {each.feature: float(counted(each)) for each in quality}
        values |= {f"{name}_values": sum(counts.values())}
        values |= {f"{name}_values:{feature}": count for feature, count in counts.items() if count}
    return values


def _declared_share(
    context: NightContext,
    model_digest: str,
    reference: ReferenceProfile,
    training_period: Period,
    tables: TableSnapshot,
) -> float | None:
    """Return the share of drifted features, compared with `reference` or with the other period that is declared."""
    declared = context.case.triggers.drift
    if declared is None:
        return None
    reference_period, current_period = drift.comparison_periods(
        declared, context.case.triggers.window_nights, context.night, training_period, context.case.schedule
    )
    if declared.reference != "training":
        sample = reference_profile.sample_evenly(_features(context, reference_period, tables))
        reference = reference_profile.build(sample, [text.column for text in context.case.texts])
    current = _features(context, current_period, tables)
    share = drift.drifted_share(reference, current, declared)
    values = {} if share is None else {f"{SHARE}:{declared.reference}": share}
    _record(context, model_digest, values, len(current))
    return share


def _features(context: StepContext, period: Period, tables: TableSnapshot) -> pd.DataFrame:
    return training_profile.read_rows(context, period, tables)[training_profile.reportable_features(context.case)]


def _record(context: NightContext, model_digest: str, values: Mapping[str, float], rows: int) -> None:
    scope = MetricScope(use_case=context.case.name, night=context.night, model_digest=model_digest)
    metrics = [scope.metric(name, value, rows) for name, value in values.items()]
    warehouse.record_metrics(context.engine, metrics)
