"""What clients were answered at a live horizon: for how many entities, from how late snapshots, and how well.

Measured is each night that is over. The quality of the bulk scores, which every entity has, is in
`include.steps.monitor.performance`; this is about the answers that were really given.
"""

from collections.abc import Iterator
from datetime import timedelta

import pandas as pd

from include.steps.context import NightContext
from include.steps.features import build as feature_step
from include.steps.features import snapshot_archive
from include.steps.monitor import performance
from include.steps.monitor.performance import ALL, MetricScope
from include.steps.score import prediction_log
from include.stores import warehouse
from include.stores.table_snapshot import TableSnapshot
from include.stores.warehouse import Metric
from ml.features import ENTITY
from ml.monitoring import snapshot_gaps
from ml.targets import Target
from ml.usecase import Live

COVERAGE, LATE, LONGEST_GAP = "live_coverage", "snapshots_late", "snapshot_gap_minutes"
LEAD = "hours_before"  # the slice by the whole hours between a snapshot and the event of the entity that was answered
_MIN_ROWS = 100


def measure(context: NightContext, target: Target, tables: TableSnapshot) -> None:
    """Record coverage and snapshot gaps of the context's night, and the quality of answers by lead time.

    Coverage is the share of the night's entities with an answer that was looked up in a live snapshot. The quality is
    that of all such answers in the window of nights whose labels are known, one row for each answer. Nothing is
    recorded at the night's horizon.
    """
    if not isinstance(context.case.horizon, Live):
        return
    cutoffs = feature_step.cutoffs(context.case, tables, str(context.night), str(context.night))
    if cutoffs.empty:
        return
    metrics = (
        *_coverage(context, cutoffs),
        *_gaps(context, context.case.horizon, cutoffs),
        *_quality_by_lead(context, context.case.horizon, target, tables),
    )
    warehouse.record_metrics(context.engine, metrics)


def _coverage(context: NightContext, cutoffs: "pd.Series[pd.Timestamp]") -> Iterator[Metric]:
    answers = prediction_log.answers_from_snapshots(context, str(context.night), str(context.night))
    answered = cutoffs.index.isin(answers["entity"])
    scope = MetricScope(use_case=context.case.name, night=context.night, model_digest=ALL)
    yield scope.metric(COVERAGE, float(answered.mean()), len(cutoffs))


def _gaps(context: NightContext, live: Live, cutoffs: "pd.Series[pd.Timestamp]") -> Iterator[Metric]:
    """Yield the gaps between the first cutoff of the night and its last event."""
    records = warehouse.snapshot_records(context.engine, context.case.name)
    moments = [snapshot_archive.moment(each.snapshot) for each in records if each.night == context.night]
    first, last = cutoffs.min(), cutoffs.max() + timedelta(hours=live.hours)
    gaps = snapshot_gaps.measure(moments, first, last, timedelta(minutes=live.max_age_minutes))
    scope = MetricScope(use_case=context.case.name, night=context.night, model_digest=ALL)
    yield scope.metric(LATE, float(gaps.late), len(moments))
    yield scope.metric(LONGEST_GAP, gaps.longest_minutes, len(moments))


def _quality_by_lead(context: NightContext, live: Live, target: Target, tables: TableSnapshot) -> Iterator[Metric]:
    first, last = str(context.case.schedule.previous(context.night, context.case.triggers.window_nights)), context.night
    answers = prediction_log.answers_from_snapshots(context, first, str(last))
    known = warehouse.labels(context.engine, context.case.dataset, context.case.complete_at(last))
    cutoffs = feature_step.cutoffs(context.case, tables, first, str(last)).rename("cutoff")
    rows = answers.merge(known[[ENTITY, "label"]], on=ENTITY).join(cutoffs, on=ENTITY, how="inner")
    if rows.empty:
        return
    moments = pd.to_datetime(rows["snapshot"].map(snapshot_archive.moment), utc=True)
    hours = (rows["cutoff"] + timedelta(hours=live.hours) - moments) // timedelta(hours=1)
    for (digest, lead), group in rows.groupby(["package", hours]):
        if len(group) >= _MIN_ROWS:
            scope = MetricScope(
                use_case=context.case.name,
                night=context.night,
                model_digest=str(digest),
                slice=f"{LEAD}={lead:.0f}",
                out_of_sample=True,  # an answer is given before its label is known
            )
            for name, value in performance.measured_values(group, target).items():
                yield scope.metric(name, value, len(group))
