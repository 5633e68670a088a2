"""Parity: compare the features of a sample of entities across every path that computes or serves them, bit for bit."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

import pandas as pd

from include.steps.context import NightContext, StepContext
from include.steps.features import build as feature_step
from include.steps.features import feature_pins, materialize, snapshot_archive, training_set
from include.stores import feature_store, ledger, snapshot_store, table_snapshot, warehouse
from include.stores.feature_store import Service
from include.stores.table_snapshot import TableSnapshot
from include.stores.warehouse import Alert, Metric
from include.usecases import coherence
from ml.errors import FeatureError, RefusalError
from ml.features import CUTOFF, ENTITY, parity
from ml.features.parity import Comparison
from ml.governance import ledger_entries, privacy
from ml.governance.ledger_entries import EntryKind, ParityChecked, SourceParity
from ml.ingestion.availability import NIGHT
from ml.usecase import Live, Night, UseCase

ALERT_KIND = "parity"  # also the prefix of the metric names, before the source
_SAMPLE = 200


def check(use_case: str, period: str) -> int:
    """Compare a sample of the last night of `period` across all paths, and return how many values differ.

    The feature table, from which nights are scored, is compared with the snapshot, the training join, a rebuild from
    the valid rows, and the online store if there is one; on the first night of a week also with Feast's historical
    retrieval. Every
    difference raises an alert; metrics and the ledger record every result. A snapshot whose features do not mean what
    the champion was trained on counts as empty. Raises FeatureError when the table itself was built from other
    declarations than the current ones.
    """
    use_case_context = StepContext.load_data(use_case)
    context = use_case_context.at(use_case_context.case.schedule.parse(period).last)
    tables = table_snapshot.take(context.case, context.settings)
    comparisons = [*_compare_nightly(_ParityRun(context, context.case.horizon, tables))]
    for live in context.case.lives:
        comparisons += _compare_live(_ParityRun(context, live, tables))
    _record(context, comparisons, tables)
    return sum(each.differing_values for each in comparisons)


def is_first_of_week(case: UseCase, night: date) -> bool:
    """Return whether `night` is the use case's first night in its ISO week."""
    return case.schedule.previous(night).isocalendar()[:2] != night.isocalendar()[:2]


@dataclass(frozen=True)
class _ParityRun:
    """A comparison on a sample of the newest entities at `horizon` that are known on the context's night."""

    context: NightContext
    horizon: Night | Live
    tables: TableSnapshot

    @cached_property
    def sample(self) -> pd.DataFrame:
        """Features of the table, by entity; the night is the random seed, so every run compares the same sample."""
        since = self.context.case.schedule.previous(self.context.night, self.context.case.triggers.window_nights)
        first = since if isinstance(self.horizon, Live) else self.context.night
        rows = self.stored(first, self.context.night)
        if rows.empty:
            return rows
        rows = rows[rows[NIGHT] == rows[NIGHT].max()].dropna(subset=CUTOFF)
        return _draw_sample(rows, self.context.night)

    @cached_property
    def online_sample(self) -> pd.DataFrame:
        """The part of the sample that no later night contains again: the online store should hold it."""
        table, later = feature_step.table(self.horizon), str(self.context.night + timedelta(days=1))
        superseded = self.tables.read(feature_step.STAGE, table, later, columns=[NIGHT, ENTITY])[ENTITY]
        return self.sample[~self.sample.index.isin(superseded)]

    @cached_property
    def rebuilt(self) -> pd.DataFrame:
        """The features of the sample's night, rebuilt from the valid rows."""
        night = date.fromisoformat(self.sample[NIGHT].iloc[0])
        return feature_step.rebuild(self.context.case, night, self.tables, self.horizon).set_index(ENTITY)

    def stored(self, first: date, last: date) -> pd.DataFrame:
        version = self.tables.version(feature_step.STAGE, feature_step.table(self.horizon))
        return feature_step.read(
            self.context.settings.lake, self.context.case, str(first), str(last), version, self.horizon
        )

    def compare(self, path: str, actual: pd.DataFrame, expected: pd.DataFrame | None = None) -> Comparison:
        """Return the comparison of `path` with the sample: the features and, if `actual` has it, the cutoff."""
        names = [
            name for name in (CUTOFF, *self.context.case.names_at(self.horizon)) if name != CUTOFF or name in actual
        ]
        declared = self.context.case.names_at(self.horizon)
        hidden = set(declared) - set(
            privacy.features_allowed_in(
                self.context.case, declared, coherence.function_parameters(self.context.case), "logs", "reports"
            )
        )
        return parity.compare(path, self.sample if expected is None else expected, actual, names, hidden)


def _compare_nightly(run: _ParityRun) -> Iterator[Comparison]:
    if run.sample.empty:
        return
    service = feature_pins.check_current(run.sample, run.context)
    yield from _compare_online(run, "online store", service)
    yield from _compare_snapshot(run)
    yield from _compare_training_join(run)
    yield run.compare("rebuild", run.rebuilt)
    if is_first_of_week(run.context.case, run.context.night):
        yield run.compare("historical retrieval", _historical_features(run))


def _compare_live(run: _ParityRun) -> Iterator[Comparison]:
    if run.sample.empty:
        return
    service = feature_pins.check_current(run.sample, run.context, run.horizon)
    yield from _compare_online(run, f"{run.horizon.name} online store", service)
    if is_first_of_week(run.context.case, run.context.night):
        yield run.compare(f"{run.horizon.name} rebuild", run.rebuilt)
        yield run.compare(f"{run.horizon.name} historical retrieval", _historical_features(run))


def _compare_online(run: _ParityRun, path: str, service: Service) -> Iterator[Comparison]:
    """Yield the comparison with the online store; nothing without one."""
    if feature_store.has_online_store(run.context.settings):
        online = feature_store.online(run.context.settings, service, list(run.online_sample.index))
        yield run.compare(path, online, run.online_sample)


def _compare_snapshot(run: _ParityRun) -> Iterator[Comparison]:
    """Yield the comparison with a server's snapshot; nothing when a later night has a snapshot already."""
    folder = snapshot_archive.folder(run.context)
    newest = snapshot_store.newest(folder)
    if newest is not None and newest.night > str(run.context.night):
        return
    champion = ledger.champion(warehouse.engine(run.context.settings.warehouse_url), run.context.case.name)
    served = materialize.open_snapshot_store(run.context, champion.subject if champion else None)
    names = run.context.case.names_at(run.context.case.horizon)
    fault = served.refresh()
    answers = {} if fault else {entity: served.snapshot.lookup(entity) for entity in run.sample.index}
    actual = pd.DataFrame.from_dict(
        {entity: row for entity, row in answers.items() if row is not None}, orient="index", columns=list(names)
    )
    types = {name: "object" if run.sample[name].dtype == "category" else "float64" for name in names}
    yield replace(run.compare("snapshot", actual.astype(types)), failure=fault or "")


def _compare_training_join(run: _ParityRun) -> Iterator[Comparison]:
    """Yield the comparison of the training join, for the newest matured night, with the features it was scored from."""
    first = run.context.case.schedule.previous(run.context.night, run.context.case.triggers.window_nights)
    try:
        rows = training_set.read(run.context, run.tables, first=str(first)).frame
    except RefusalError:
        return
    except FeatureError as error:
        yield Comparison(source="training join", rows=0, absent=(), differences=(), failure=str(error))
        return
    if rows.empty:
        return
    night = date.fromisoformat(rows[NIGHT].max())
    joined = rows[rows[NIGHT] == str(night)].set_index(ENTITY)
    scored = run.stored(night, night)
    known = scored[scored[ENTITY].isin(joined.index)]
    yield run.compare("training join", joined, _draw_sample(known, night))


def _historical_features(run: _ParityRun) -> pd.DataFrame:
    service = feature_step.service(run.context, run.horizon)
    moments = run.rebuilt[CUTOFF].reindex(run.sample.index).dropna()
    return feature_store.historical(run.context.settings, service, moments)


def _draw_sample(rows: pd.DataFrame, night: date) -> pd.DataFrame:
    drawn = rows.sort_values(ENTITY).sample(min(_SAMPLE, len(rows)), random_state=night.toordinal())
    return drawn.set_index(ENTITY)


def _record(context: NightContext, comparisons: list[Comparison], tables: TableSnapshot) -> None:
    engine, name = context.engine, feature_step.service(context).name
    warehouse.record_metrics(engine, [_metric(context.case, context.night, name, each) for each in comparisons])
    alerts = [
        Alert(use_case=context.case.name, night=context.night, kind=ALERT_KIND, subject=each.source, message=str(each))
        for each in comparisons
        if each.differing_values
    ]
    warehouse.replace_alerts(engine, context.case.name, context.night, [ALERT_KIND], alerts)
    sources = {
        each.source: SourceParity(
            entities=each.rows,
            absent=len(each.absent),
            different={difference.feature: difference.entities for difference in each.differences},
        )
        for each in comparisons
    }
    earlier = ledger.entries(engine, context.case.name, EntryKind.PARITY, context.night)
    if not earlier or earlier[-1].subject != name or ledger_entries.read(earlier[-1], ParityChecked).sources != sources:
        ledger.append(
            engine,
            kind=EntryKind.PARITY,
            use_case=context.case.name,
            night=context.night,
            subject=name,
            payload=ParityChecked(sources=sources, table_versions=dict(tables.versions)),
            key=f"{context.case.name}:{EntryKind.PARITY}:{context.night}:{len(earlier) + 1}",
        )


def _metric(case: UseCase, night: date, service: str, each: Comparison) -> Metric:
    """Return the number of differing values, stored under the feature service because parity belongs to no model."""
    return Metric(
        use_case=case.name,
        night=night,
        model_digest=service,
        slice="all",
        metric=f"{ALERT_KIND}:{each.source}",
        value=each.differing_values,
        n=each.rows,
    )
