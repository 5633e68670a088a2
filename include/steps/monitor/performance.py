"""Performance of published scores: estimated before their labels arrive, measured after, and the estimation error."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta

import pandas as pd

from include.steps.context import NightContext
from include.steps.features import build as feature_step
from include.stores import warehouse
from include.stores.table_snapshot import TableSnapshot
from include.stores.warehouse import Maturity, Metric
from include.usecases import coherence
from ml.features import ENTITY
from ml.governance import privacy
from ml.metrics.estimation import Estimate
from ml.monitoring import performance
from ml.monitoring.performance import RecentPerformance
from ml.targets import Target
from ml.usecase import Live, Slice, UseCase

_LOG = logging.getLogger(__name__)
ALL = "all"
EVENT_HOUR = "event_hour"  # the slice of a live horizon by the local hour of the event


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricScope:
    """The scope of metrics: one model or all, on a slice of a night or of a window of nights that ends with it.

    `out_of_sample` says whether all its nights lie after all that the model learned from; None if that is unknown.
    """

    use_case: str
    night: date
    model_digest: str
    slice: str = ALL
    out_of_sample: bool | None = None

    def metric(
        self, name: str, value: float | None, n: int, low: float | None = None, high: float | None = None
    ) -> Metric:
        """Return a metric of this scope over `n` rows, with its interval if it has one."""
        return Metric(**asdict(self), metric=name, value=value, low=low, high=high, n=n)


def measure(context: NightContext, target: Target, tables: TableSnapshot) -> RecentPerformance | None:
    """Record the performance of the window's nights as known on the context's night; return that of all matured nights.

    Recorded are: for each matured night and model, performance and estimation error; for the context's night, the
    estimated performance; over the window, the performance of each declared slice with enough rows; and for each night
    the number of missing labels. Metrics of one night and model are marked as in sample or not. What is measured over
    the window has out-of-sample rows only; a warning says how many rows were left out.
    """
    engine, cutoff = context.engine, context.case.schedule.cutoff(context.night)
    first = context.case.schedule.previous(context.night, context.case.triggers.window_nights)
    maturity = warehouse.maturity(engine, context.case.name, first, context.night, cutoff)
    matured_nights = [each.night for each in maturity if each.share >= context.case.matured_share]
    rows = warehouse.matured_scores(engine, context.case.name, first, context.night, cutoff)
    rows = rows[rows["night"].isin(matured_nights)]
    usable = performance.out_of_sample(rows)
    if excluded := len(rows) - len(usable):
        _LOG.warning("%d of %d matured rows are not known to be out of sample: not counted", excluded, len(rows))
    published = warehouse.scores(engine, context.case.name, context.night)
    metrics = (
        *_expected_metrics(context.case, context.night, published, target),
        *_realized_metrics(context.case, rows, target),
        *_slice_metrics(context, usable, target, tables),
        *_missing_label_metrics(context.case, maturity),
    )
    warehouse.record_metrics(engine, metrics)
    labels, scores = (usable[name].to_numpy(float) for name in ("label", "score"))
    return performance.measure_recent(
        labels, scores, usable["night"].to_numpy(object), target, context.case.gates.confidence
    )


def expected_loss(context: NightContext, model_digest: str, target: Target) -> float | None:
    """Return the estimated loss of a model's out-of-sample scores over the window's nights; None without an estimate."""
    first = context.case.schedule.previous(context.night, context.case.triggers.window_nights)
    name = f"expected_{target.display_names.metric}"
    metrics = warehouse.metrics(context.engine, context.case.name, first, context.night, metric=name)
    known = [
        (each.value, each.n)
        for each in metrics
        if each.value is not None and each.model_digest == model_digest and each.out_of_sample
    ]
    rows = sum(n for _, n in known)
    return sum(value * n for value, n in known) / rows if rows else None


def _expected_metrics(case: UseCase, night: date, published: pd.DataFrame, target: Target) -> Iterator[Metric]:
    for digest, group in published.groupby("model_digest"):
        scores, mark = group["score"], _mark(group)
        scope = MetricScope(use_case=case.name, night=night, model_digest=str(digest), out_of_sample=mark)
        for name, each in target.estimate_performance(scores.to_numpy(float)).items():
            yield scope.metric(f"expected_{name}", each.value, len(scores), each.low, each.high)


def _realized_metrics(case: UseCase, rows: pd.DataFrame, target: Target) -> Iterator[Metric]:
    for (_, digest), group in rows.groupby(["night", "model_digest"]):
        scope = MetricScope(
            use_case=case.name, night=group["night"].iloc[0], model_digest=str(digest), out_of_sample=_mark(group)
        )
        values = measured_values(group, target)
        for name, value in values.items():
            yield scope.metric(name, value, len(group))
        for name, error in _estimation_errors(
            values, target.estimate_performance(group["score"].to_numpy(float))
        ).items():
            yield scope.metric(f"estimation_error_{name}", error, len(group))


def _slice_metrics(
    context: NightContext, rows: pd.DataFrame, target: Target, tables: TableSnapshot
) -> Iterator[Metric]:
    """Yield the performance of each level of the declared slices that are allowed in reports, over the window.

    At a live horizon, each local hour of the events is a slice too.
    """
    reportable = privacy.features_allowed_in(
        context.case,
        [each.feature for each in context.case.slices],
        coherence.function_parameters(context.case),
        "reports",
    )
    live = context.case.horizon if isinstance(context.case.horizon, Live) else None
    slices = [each for each in context.case.slices if each.feature in reportable]
    slices += [Slice(feature=EVENT_HOUR)] if live else []
    if rows.empty or not slices:
        return
    first, last = str(rows["night"].min()), str(rows["night"].max())
    version = feature_step.version(tables, context.case)
    features = feature_step.read(context.settings.lake, context.case, first, last, version)[[ENTITY, *reportable]]
    joined = rows.merge(features.drop_duplicates(ENTITY), on=ENTITY)
    if live:
        events = feature_step.cutoffs(context.case, tables, first, last) + timedelta(hours=live.hours)
        joined[EVENT_HOUR] = joined[ENTITY].map(events.dt.tz_convert(context.case.schedule.timezone).dt.strftime("%H"))
    for each in slices:
        for (digest, level), group in joined.groupby(["model_digest", each.feature], observed=True):
            if len(group) >= each.min_rows:
                scope = MetricScope(
                    use_case=context.case.name,
                    night=context.night,
                    model_digest=str(digest),
                    slice=f"{each.feature}={level}",
                    out_of_sample=True,
                )
                for name, value in measured_values(group, target).items():
                    yield scope.metric(name, value, len(group))


def _mark(rows: pd.DataFrame) -> bool | None:
    """Return the mark of the rows of one night and model; None if it is unknown for some of them."""
    marks = rows["out_of_sample"]
    return None if marks.isna().any() else bool(marks.all())


def _missing_label_metrics(case: UseCase, maturity: tuple[Maturity, ...]) -> Iterator[Metric]:
    for each in maturity:
        scope = MetricScope(use_case=case.name, night=each.night, model_digest=ALL)
        yield scope.metric("labels_missing", float(each.scored - each.matured), each.scored)


def measured_values(rows: pd.DataFrame, target: Target) -> dict[str, float | None]:
    """Return the metrics of rows with the columns `night`, `score` and `label`, by name."""
    measured = performance.measure(rows, target)
    assert measured is not None
    return {name: value for name, value in asdict(measured).items() if name not in ("nights", "rows")}


def _estimation_errors(values: Mapping[str, float | None], expected: Mapping[str, Estimate]) -> dict[str, float]:
    """Return measured minus estimated value, for each metric that has both."""
    return {name: value - each.value for name, each in expected.items() if (value := values.get(name)) is not None}
