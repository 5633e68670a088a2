"""What issued scores come to: expected before their labels are there, measured once they are, and how far off that was."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date

import pandas as pd

from include.settings import Settings
from include.steps.features import build as feature_step
from include.stores import warehouse
from include.stores.table_snapshot import Snapshot
from include.stores.warehouse import Maturity, Metric
from include.usecases import coherence
from ml.features import ENTITY
from ml.governance import privacy
from ml.metrics.estimation import Estimate
from ml.monitoring import performance
from ml.monitoring.performance import Recent
from ml.targets import Target
from ml.usecase import UseCase

ALL = "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One model, or all, on a part of a night, or of a window of nights that ends with it."""

    use_case: str
    night: date
    model_digest: str
    slice: str = ALL

    def metric(
        self, name: str, value: float | None, n: int, low: float | None = None, high: float | None = None
    ) -> Metric:
        """Return a number about this part, of `n` rows, with its interval where it has one."""
        return Metric(**asdict(self), metric=name, value=value, low=low, high=high, n=n)


def measure(case: UseCase, night: date, target: Target, tables: Snapshot, settings: Settings) -> Recent | None:
    """Record what is known as of `night` of the window's nights, and return the matured ones measured together.

    For each matured night and model: its performance, and how far it lies from what was expected of these scores. Of
    `night` itself: what is expected. Of the window: each declared slice with enough rows; how many labels are lacking.
    """
    engine, cutoff = warehouse.engine(settings.warehouse_url), case.horizon.cutoff(night)
    first = case.horizon.before(night, case.triggers.window_nights)
    maturity = warehouse.maturity(engine, case.name, first, night, cutoff)
    ripe = [each.night for each in maturity if each.share >= case.matured_share]
    rows = warehouse.matured(engine, case.name, first, night, cutoff)
    rows = rows[rows["night"].isin(ripe)]
    issued = warehouse.scores(engine, case.name, night)
    found = (
        *_expected(case, night, issued, target),
        *_came_to(case, rows, target),
        *_by_slice(case, night, rows, target, tables, settings),
        *_lacking(case, maturity),
    )
    warehouse.record_metrics(engine, found)
    labels, scores = (rows[name].to_numpy(float) for name in ("label", "score"))
    return performance.recent(labels, scores, rows["night"].to_numpy(object), target, case.gates.confidence)


def expected_loss(case: UseCase, night: date, model_digest: str, target: Target, settings: Settings) -> float | None:
    """Return what a model's scores of the window's nights are expected to lose; None where that cannot be told."""
    first = case.horizon.before(night, case.triggers.window_nights)
    name = f"expected_{target.words.metric}"
    found = warehouse.metrics(warehouse.engine(settings.warehouse_url), case.name, first, night, metric=name)
    known = [(each.value, each.n) for each in found if each.value is not None and each.model_digest == model_digest]
    rows = sum(n for _, n in known)
    return sum(value * n for value, n in known) / rows if rows else None


def _expected(case: UseCase, night: date, issued: pd.DataFrame, target: Target) -> Iterator[Metric]:
    for digest, scores in issued.groupby("model_digest")["score"]:
        part = Part(use_case=case.name, night=night, model_digest=str(digest))
        for name, each in target.expect(scores.to_numpy(float)).items():
            yield part.metric(f"expected_{name}", each.value, len(scores), each.low, each.high)


def _came_to(case: UseCase, rows: pd.DataFrame, target: Target) -> Iterator[Metric]:
    for (_, digest), found in rows.groupby(["night", "model_digest"]):
        part = Part(use_case=case.name, night=found["night"].iloc[0], model_digest=str(digest))
        values = _values(found, target)
        for name, value in values.items():
            yield part.metric(name, value, len(found))
        for name, miss in _missed(values, target.expect(found["score"].to_numpy(float))).items():
            yield part.metric(f"missed_{name}", miss, len(found))


def _by_slice(
    case: UseCase, night: date, rows: pd.DataFrame, target: Target, tables: Snapshot, settings: Settings
) -> Iterator[Metric]:
    """Yield the same of each level of each declared slice that may be told of, over the nights of the window."""
    told = privacy.telling(case, [each.by for each in case.slices], coherence.needs(case), "reports")
    slices = [each for each in case.slices if each.by in told]
    if rows.empty or not slices:
        return
    first, last = str(rows["night"].min()), str(rows["night"].max())
    version = tables.version(feature_step.STAGE, feature_step.TABLE)
    features = feature_step.read(settings.lake, case, first, last, version)[[ENTITY, *told]]
    joined = rows.merge(features.drop_duplicates(ENTITY), on=ENTITY)
    for each in slices:
        for (digest, level), found in joined.groupby(["model_digest", each.by], observed=True):
            if len(found) >= each.least_rows:
                part = Part(use_case=case.name, night=night, model_digest=str(digest), slice=f"{each.by}={level}")
                for name, value in _values(found, target).items():
                    yield part.metric(name, value, len(found))


def _lacking(case: UseCase, maturity: tuple[Maturity, ...]) -> Iterator[Metric]:
    for each in maturity:
        part = Part(use_case=case.name, night=each.night, model_digest=ALL)
        yield part.metric("labels_lacking", float(each.scored - each.matured), each.scored)


def _values(found: pd.DataFrame, target: Target) -> dict[str, float | None]:
    measured = performance.measure(found, target)
    assert measured is not None
    return {name: value for name, value in asdict(measured).items() if name not in ("nights", "rows")}


def _missed(values: Mapping[str, float | None], expected: Mapping[str, Estimate]) -> dict[str, float]:
    """Return how much more was measured than expected, of what was both."""
    return {name: value - each.value for name, each in expected.items() if (value := values.get(name)) is not None}
