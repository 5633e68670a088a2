"""A use case over the last year: charts of model, business, data and infrastructure, and the latest decisions."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from include.dashboard import adoption, horizon_comparison, ledger_text, metric_points, overview, shadow_queue
from include.dashboard.adoption import AdoptionStatus
from include.dashboard.horizon_comparison import HorizonComparison
from include.dashboard.ledger_text import DescribedEntry
from include.dashboard.line_charts import Chart, Mark, Point, Series
from include.dashboard.overview import UseCaseStatus
from include.dashboard.shadow_queue import QueueStatus
from include.stores import ledger, warehouse
from include.stores.warehouse import Ingestion, Metric, TaskTime
from ml import targets
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, LabelBatchDecided, RetrainingDecided
from ml.targets import DisplayNames
from ml.usecase import UseCase
from ml.usecase.periods import Period

_NIGHTS, _TOP_DRIFT, _DECISIONS, _INGESTIONS = 366, 10, 20, 14
_PSI = "psi:"
_RELEASED = (EntryKind.PROMOTED, EntryKind.ROLLED_BACK)
_DECIDED = (EntryKind.RETRAINING_DECIDED, EntryKind.LABEL_BATCH_DECIDED)
_DRIFT_METRICS = ("drifted_share", "requests_drifted_share", "prediction_drift_psi")
_TRAFFIC = ("predictions", "error_rate", "latency_p50_ms", "latency_p99_ms")
_SERVERS = ("cpu_cores", "memory_mb", "requests_failed")
_SLICE_METRICS = ("calibration_gap", "alert_rate", "saved_per_1000")


@dataclass(frozen=True, kw_only=True, slots=True)
class ChartSection:
    """The charts under one heading; a chart may have no points."""

    name: str
    charts: tuple[Chart, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """The metrics of one model on one level of a declared slice, over the evaluation window."""

    name: str
    model_digest: str
    rows: int
    values: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """The population stability index of a feature of the night against the champion's training data."""

    feature: str
    stability: float


@dataclass(frozen=True, kw_only=True, slots=True)
class UseCaseDetail:
    """The content of the page of one use case; `measured_night` is the night of `drift` and `slices`.

    `in_sample_nights` is the number of nights with metrics that are
    left out, because their model had learned from them.
    """

    status: UseCaseStatus
    sections: tuple[ChartSection, ...]
    measured_night: date | None
    drift: tuple[Drift, ...]
    slice_columns: tuple[str, ...]
    slices: tuple[Slice, ...]
    ingestions: tuple[Ingestion, ...]
    decisions: tuple[DescribedEntry, ...]
    adoption: AdoptionStatus | None = None
    queue: QueueStatus | None = None
    horizons: HorizonComparison | None = None
    in_sample_nights: int = 0


def gather(engine: sa.Engine, case: UseCase, moment: datetime, period: Period | None = None) -> UseCaseDetail:
    """Return the content of the page for the nights of `period`.

    The default is the year up to the last scored night; if there is none, all nights.
    """
    entries = ledger.entries_of_kinds(engine, case.name, (*overview.STATUS_KINDS, *_DECIDED))
    status = overview.status_from_entries(engine, case, moment, entries)
    period = period or _last_year(status.last_night)
    nights = period.first, period.last
    display_names = targets.target_type(case).display_names
    ingested = warehouse.ingestions(engine, case.dataset, *nights)
    series = metric_points.by_name(warehouse.metric_series(engine, case.name, _metric_names(display_names), *nights))
    measured = max((each.night for each in series["drifted_share"]), default=None)
    metrics = [
        each
        for each in (warehouse.metrics(engine, case.name, measured, measured) if measured else ())
        if each.out_of_sample is not False
    ]
    measured_names = {each.metric for each in metrics}  # a regression has no alert rate
    marks, adopted = _marks(entries), adoption.find(entries)
    columns = (display_names.metric, *(name for name in _SLICE_METRICS if name in measured_names))
    return UseCaseDetail(
        status=status,
        sections=(
            *_sections(series, ingested, warehouse.task_times(engine, case.name, *nights), marks, display_names),
            *((ChartSection(name="Refreshes", charts=(adopted.chart(marks),)),) if adopted else ()),
        ),
        measured_night=measured,
        drift=_drift(metrics),
        slice_columns=columns,
        slices=_slices(metrics, columns),
        ingestions=ingested[-_INGESTIONS:][::-1],
        decisions=tuple(map(ledger_text.describe, entries[-_DECISIONS:][::-1])),
        adoption=adopted,
        queue=shadow_queue.find(engine, case, entries),
        horizons=horizon_comparison.gather(engine, case, display_names, *nights),
        in_sample_nights=warehouse.count_in_sample_nights(engine, case.name, *nights),
    )


def _last_year(last_night: date | None) -> Period:
    """Return the year up to `last_night` and all nights after it, which have been ingested but not yet scored."""
    return Period(last_night - timedelta(days=_NIGHTS) if last_night else date.min, date.max)


def _metric_names(display_names: DisplayNames) -> tuple[str, ...]:
    both = (display_names.metric, "saved_per_1000")
    expected = tuple(f"expected_{name}" for name in both)
    measured = ("calibration_gap", "labels_missing", "alert_rate")
    return (*both, *expected, *measured, *_DRIFT_METRICS, *_TRAFFIC, *_SERVERS)


def _marks(entries: Sequence[Entry]) -> tuple[Mark, ...]:
    decisions = [(each.night, _decision(each)) for each in entries if each.kind in _DECIDED]
    retrain_requests = [
        Mark(night=night, kind="retrain", label=f"retraining requested on {night}: {decision.trigger}")
        for night, decision in decisions
        if night and decision.retrain
    ]
    released = [
        Mark(
            night=each.night, kind="release", label=f"{each.subject[:12]} {each.kind.replace('_', ' ')} on {each.night}"
        )
        for each in entries
        if each.kind in _RELEASED and each.night
    ]
    return (*retrain_requests, *released)


def _decision(entry: Entry) -> RetrainingDecided | LabelBatchDecided:
    if entry.kind == EntryKind.RETRAINING_DECIDED:
        return ledger_entries.read(entry, RetrainingDecided)
    return ledger_entries.read(entry, LabelBatchDecided)


def _sections(
    series: dict[str, tuple[Point, ...]],
    ingested: Sequence[Ingestion],
    work: Sequence[TaskTime],
    marks: tuple[Mark, ...],
    display_names: DisplayNames,
) -> tuple[ChartSection, ...]:
    def chart(title: str, **names: str) -> Chart:
        return Chart(
            title=title,
            series=tuple(Series(name=label, points=series[name]) for label, name in names.items() if series[name]),
            marks=marks,
        )

    loss = chart(
        f"{display_names.loss} ({display_names.loss_unit})",
        measured=display_names.metric,
        expected=f"expected_{display_names.metric}",
    )
    gap = chart("calibration gap", gap="calibration_gap")
    missing = chart("labels missing, rows", missing="labels_missing")
    saved = chart(
        f"saved per 1000 rows, against {display_names.savings_baseline}",
        measured="saved_per_1000",
        expected="expected_saved_per_1000",
    )
    acted = chart("share of rows acted on", acted="alert_rate")
    drifted = chart(
        "share of features that drifted (PSI above 0.2)", batch="drifted_share", requests="requests_drifted_share"
    )
    score_drift = chart("drift of the scores (PSI)", scores="prediction_drift_psi")
    quarantined = Chart(title="rows quarantined", series=_quarantined_series(ingested), marks=marks)
    answers = chart("answers over REST", predictions="predictions")
    latency = chart("latency of answers, ms", p50="latency_p50_ms", p99="latency_p99_ms")
    faults = chart("share of predictions with an error", errors="error_rate")
    cores = chart("CPU use of the servers, cores", cores="cpu_cores")
    memory = chart("memory of the largest server, MB", memory="memory_mb")
    failed = chart("failed requests", failed="requests_failed")
    served = tuple(each for each in (latency, faults, cores, memory, failed) if each.series)
    durations = Chart(title="duration of the night's tasks, seconds", series=_duration_series(work), marks=marks)
    return (
        ChartSection(name="Model", charts=(loss, gap, missing)),
        ChartSection(name="Business", charts=tuple(each for each in (saved, acted) if each is saved or each.series)),
        ChartSection(name="Data", charts=(drifted, *((score_drift,) if score_drift.series else ()), quarantined)),
        ChartSection(name="Infrastructure", charts=(durations, answers, *served)),
    )


def _duration_series(work: Sequence[TaskTime]) -> tuple[Series, ...]:
    points = tuple(Point(night=each.night, value=each.seconds) for each in work)
    return (Series(name="total", points=points),) if points else ()


def _quarantined_series(ingested: Sequence[Ingestion]) -> tuple[Series, ...]:
    by_night: defaultdict[date, int] = defaultdict(int)
    for each in ingested:
        by_night[each.night] += each.rows_quarantined
    points = tuple(Point(night=night, value=float(rows)) for night, rows in sorted(by_night.items()))
    return (Series(name="quarantined", points=points),) if points else ()


def _drift(metrics: Iterable[Metric]) -> tuple[Drift, ...]:
    indexes = [
        Drift(feature=each.metric.removeprefix(_PSI), stability=each.value)
        for each in metrics
        if each.metric.startswith(_PSI) and each.slice == "all" and each.value is not None
    ]
    return tuple(sorted(indexes, key=lambda each: -each.stability)[:_TOP_DRIFT])


def _slices(metrics: Iterable[Metric], columns: Sequence[str]) -> tuple[Slice, ...]:
    """Return the slices that have a loss, the first of `columns`; parity and others use slices of another kind."""
    rows: defaultdict[tuple[str, str], dict[str, Metric]] = defaultdict(dict)
    for each in metrics:
        if each.slice != "all":
            rows[each.slice, each.model_digest][each.metric] = each
    return tuple(
        Slice(
            name=name,
            model_digest=digest,
            rows=max(each.n for each in by_metric.values()),
            values=tuple(by_metric[column].value if column in by_metric else None for column in columns),
        )
        for (name, digest), by_metric in sorted(rows.items())
        if columns[0] in by_metric
    )
