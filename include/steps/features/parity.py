"""The same entities by every way that leads to their features: is it the same, to the last bit?"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

import pandas as pd

from include import usecases
from include.settings import Settings, load_settings
from include.steps.features import build as feature_step
from include.steps.features import feature_pins, materialize, training_set
from include.stores import feature_store, ledger, snapshot_store, table_snapshot, warehouse
from include.stores.table_snapshot import Snapshot
from include.stores.warehouse import Alert, Metric
from include.usecases import coherence
from ml.errors import FeatureError, RefusalError
from ml.features import CUTOFF, ENTITY, parity
from ml.features.parity import Comparison
from ml.governance import privacy
from ml.governance.hash_chain import Json
from ml.ingestion.availability import NIGHT
from ml.usecase import Live, Night, UseCase

KIND = "parity"
_SAMPLE = 200


def check(use_case: str, period: str) -> int:
    """Compare a sample of the last night of `period` by every way, and return how many values differ.

    The table of features, as a night is scored from it, is held against the online store, the snapshot, the training
    join and a rebuild from the valid rows; on the first night of a week also against Feast's own historical retrieval.
    What differs is an alert; metrics and the ledger have every outcome. A snapshot whose features mean something else than
    the champion learned them as answers nothing. Raises FeatureError when the table itself was built from other
    declarations than today's, so that there is nothing to hold against it.
    """
    case, settings = usecases.get(use_case), load_settings()
    night, tables = case.horizon.parse(period).last, table_snapshot.take(case, settings)
    found = [*_nightly(_Asked(case, case.horizon, night, tables, settings))]
    if case.live is not None:
        found += _live(_Asked(case, case.live, night, tables, settings))
    _record(case, night, found, tables, settings)
    return sum(each.cells for each in found)


def weekly(case: UseCase, night: date) -> bool:
    """Return whether `night` is the first of its ISO week that the use case has."""
    return case.horizon.before(night).isocalendar()[:2] != night.isocalendar()[:2]


@dataclass(frozen=True)
class _Asked:
    """What is compared: a sample of the newest entities at `horizon` that `night` has come to know of."""

    case: UseCase
    horizon: Night | Live
    night: date
    tables: Snapshot
    where: Settings

    @cached_property
    def sample(self) -> pd.DataFrame:
        """The features that are in the table, by entity; drawn by the night, so that every run compares the same."""
        since = self.case.horizon.before(self.night, self.case.triggers.window_nights)
        first = since if isinstance(self.horizon, Live) else self.night
        rows = self.stored(first, self.night)
        if rows.empty:
            return rows
        rows = rows[rows[NIGHT] == rows[NIGHT].max()].dropna(subset=CUTOFF)
        return _sampled(rows, self.night)

    @cached_property
    def newest(self) -> pd.DataFrame:
        """The part of the sample that no later night has decided again: what should be online."""
        table, later = feature_step.table(self.horizon), str(self.night + timedelta(days=1))
        again = self.tables.read(feature_step.STAGE, table, later, columns=[NIGHT, ENTITY])[ENTITY]
        return self.sample[~self.sample.index.isin(again)]

    @cached_property
    def fresh(self) -> pd.DataFrame:
        """The features of the sample's night, built anew."""
        night = date.fromisoformat(self.sample[NIGHT].iloc[0])
        return feature_step.rebuild(self.case, night, self.tables, self.horizon).set_index(ENTITY)

    def stored(self, first: date, last: date) -> pd.DataFrame:
        version = self.tables.version(feature_step.STAGE, feature_step.table(self.horizon))
        return feature_step.read(self.where.lake, self.case, str(first), str(last), version, self.horizon)

    def compare(self, path: str, found: pd.DataFrame, expected: pd.DataFrame | None = None) -> Comparison:
        """Return what `path` found, features and, where it tells it, the cutoff."""
        names = [name for name in (CUTOFF, *self.case.names_at(self.horizon)) if name != CUTOFF or name in found]
        declared = self.case.names_at(self.horizon)
        hidden = set(declared) - set(
            privacy.telling(self.case, declared, coherence.needs(self.case), "logs", "reports")
        )
        return parity.compare(path, self.sample if expected is None else expected, found, names, hidden)


def _nightly(asked: _Asked) -> Iterator[Comparison]:
    if asked.sample.empty:
        return
    service = feature_pins.require_current(asked.sample, asked.case, asked.where)
    yield asked.compare(
        "online store", feature_store.online(asked.where, service, list(asked.newest.index)), asked.newest
    )
    yield from _served(asked)
    yield from _trained(asked)
    yield asked.compare("rebuild", asked.fresh)
    if weekly(asked.case, asked.night):
        yield asked.compare("historical retrieval", _retrieved(asked))


def _live(asked: _Asked) -> Iterator[Comparison]:
    if asked.sample.empty:
        return
    service = feature_pins.require_current(asked.sample, asked.case, asked.where, asked.horizon)
    online = feature_store.online(asked.where, service, list(asked.newest.index))
    yield asked.compare("live online store", online, asked.newest)
    if weekly(asked.case, asked.night):
        yield asked.compare("live rebuild", asked.fresh)
        yield asked.compare("live historical retrieval", _retrieved(asked))


def _served(asked: _Asked) -> Iterator[Comparison]:
    """Yield what a server answers; nothing when it has gone on to a later night already."""
    folder = materialize.folder(asked.case, asked.where)
    newest = snapshot_store.newest(folder)
    if newest is not None and newest.night > str(asked.night):
        return
    champion = ledger.champion(warehouse.engine(asked.where.warehouse_url), asked.case.name)
    served = materialize.shelf_of(asked.case, asked.where, champion.subject if champion else None)
    names = asked.case.names_at(asked.case.horizon)
    fault = served.refresh()
    answers = {} if fault else {entity: served.snapshot.lookup(entity) for entity in asked.sample.index}
    found = pd.DataFrame.from_dict(
        {entity: row for entity, row in answers.items() if row is not None}, orient="index", columns=list(names)
    )
    types = {name: "object" if asked.sample[name].dtype == "category" else "float64" for name in names}
    yield replace(asked.compare("snapshot", found.astype(types)), fault=fault or "")


def _trained(asked: _Asked) -> Iterator[Comparison]:
    """Yield what the training join says of the newest night that has matured, against what that night was scored from."""
    first = asked.case.horizon.before(asked.night, asked.case.triggers.window_nights)
    try:
        rows = training_set.read(asked.case, asked.night, asked.tables, asked.where, first=str(first)).frame
    except RefusalError:
        return
    except FeatureError as error:
        yield Comparison(path="training join", rows=0, absent=(), differences=(), fault=str(error))
        return
    if rows.empty:
        return
    night = date.fromisoformat(rows[NIGHT].max())
    learned = rows[rows[NIGHT] == str(night)].set_index(ENTITY)
    scored = asked.stored(night, night)
    known = scored[scored[ENTITY].isin(learned.index)]
    yield asked.compare("training join", learned, _sampled(known, night))


def _retrieved(asked: _Asked) -> pd.DataFrame:
    service = feature_step.service(asked.case, asked.where, asked.horizon)
    moments = asked.fresh[CUTOFF].reindex(asked.sample.index).dropna()
    return feature_store.historical(asked.where, service, moments)


def _sampled(rows: pd.DataFrame, night: date) -> pd.DataFrame:
    drawn = rows.sort_values(ENTITY).sample(min(_SAMPLE, len(rows)), random_state=night.toordinal())
    return drawn.set_index(ENTITY)


def _record(case: UseCase, night: date, found: list[Comparison], tables: Snapshot, settings: Settings) -> None:
    engine, name = warehouse.engine(settings.warehouse_url), feature_step.service(case, settings).name
    warehouse.record_metrics(engine, [_metric(case, night, name, each) for each in found])
    alerts = [
        Alert(use_case=case.name, night=night, kind=KIND, subject=each.path, message=str(each))
        for each in found
        if each.cells
    ]
    warehouse.settle_alerts(engine, case.name, night, [KIND], alerts)
    ways: dict[str, Json] = {
        each.path: {
            "entities": each.rows,
            "absent": len(each.absent),
            "differ": {one.feature: one.entities for one in each.differences},
        }
        for each in found
    }
    before = ledger.entries(engine, case.name, KIND, night)
    if not before or before[-1].subject != name or before[-1].payload["ways"] != ways:
        ledger.append(
            engine,
            kind=KIND,
            use_case=case.name,
            night=night,
            subject=name,
            payload={"ways": ways, "reads": dict(tables.versions)},
            key=f"{case.name}:{KIND}:{night}:{len(before) + 1}",
        )


def _metric(case: UseCase, night: date, service: str, each: Comparison) -> Metric:
    """Return how many values differ, filed under the feature service: parity is of no model."""
    return Metric(
        use_case=case.name,
        night=night,
        model_digest=service,
        slice="all",
        metric=f"{KIND}:{each.path}",
        value=each.cells,
        n=each.rows,
    )
