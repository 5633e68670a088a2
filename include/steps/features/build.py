"""Valid tables to features: what could be known of each entity at its night's cutoff, and at its own live one."""

import math
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from include import usecases
from include.settings import Settings, load_settings
from include.steps.features import build_costs
from include.stopwatch import Stopwatch
from include.stores import feature_store, lake, table_snapshot, warehouse
from include.stores.feature_store import Service
from include.stores.table_snapshot import Snapshot
from include.usecases import coherence, function_sources
from ml import features
from ml.features import fingerprints
from ml.ingestion.availability import NIGHT
from ml.periods import Period
from ml.usecase import Feature, Live, Lookup, Night, Table, UseCase

_OPEN_DAYS = 45  # an event lies no further behind the cutoff of its night

STAGE, TABLE, LIVE = "features", "entities", "live"
SERVICE = "feature_service"  # the column that says which declarations a row was built from


def build(use_case: str, period: str) -> int:
    """Write the features of every entity of `period` and return how many there are.

    With a live horizon, also the live features of the nights whose events the period has come to know of.
    """
    case, settings = usecases.get(use_case), load_settings()
    when = case.horizon.parse(period)
    tables = table_snapshot.take(case, settings)
    touched = Period(when.first, max([when.last, *_follow(case, when, settings)]))
    _build_nightly(case, touched, tables, settings)
    if case.live is not None:
        _build_live(case, case.live, touched, tables, settings)
    return len(tables.read("valid", case.entities, str(when.first), str(when.last), columns=[NIGHT]))


def rebuild(case: UseCase, night: date, tables: Snapshot, horizon: Night | Live | None = None) -> pd.DataFrame:
    """Return the features of the entities of `night` as they come from the valid tables now, written nowhere."""
    entities = tables.read("valid", case.entities, str(night), str(night))
    return _built(case, horizon or case.horizon, entities, Period(night, night), tables, Stopwatch())


def _follow(case: UseCase, when: Period, settings: Settings) -> list[date]:
    """Return the later nights whose features, built before, look back on `when`: a correction reaches them too."""
    reach = when.last + timedelta(days=_longest_look(case.features_at(case.horizon)))
    return [night for night in lake.nights(address(settings.lake, case)) if when.last < night <= reach]


def _build_nightly(case: UseCase, when: Period, tables: Snapshot, settings: Settings) -> None:
    entities = tables.read("valid", case.entities, str(when.first), str(when.last))
    _write(case, case.horizon, when, entities, tables, settings)


def _build_live(case: UseCase, live: Live, when: Period, tables: Snapshot, settings: Settings) -> None:
    touched = _complete(case, live, when, tables)
    if touched is not None:
        entities = tables.read("valid", case.entities, str(touched.first), str(touched.last))
        _write(case, live, touched, entities, tables, settings)


def _write(
    case: UseCase, horizon: Night | Live, when: Period, entities: pd.DataFrame, tables: Snapshot, settings: Settings
) -> None:
    watch = Stopwatch()
    built, made_as = _built(case, horizon, entities, when, tables, watch), service(case, settings, horizon)
    feature_store.remember(settings, made_as)
    made = lake.replace(made_as.source, when, built.assign(**{SERVICE: made_as.name}), widen=True)
    engine, product = warehouse.engine(settings.warehouse_url), f"{STAGE}/{table(horizon)}@{made}"
    warehouse.record_reads(engine, case.name, when, STAGE, product, tables.versions)
    build_costs.record(engine, case, horizon, table(horizon), when, built, watch.seconds)


def _complete(case: UseCase, live: Live, when: Period, tables: Snapshot) -> Period | None:
    """Return the nights that what landed for `when` belongs to, of those whose live cutoffs have all been reached.

    A night's last live cutoff comes after its own: it is reached when a later night has landed.
    """
    since = str(when.first - timedelta(days=_OPEN_DAYS))
    rows = tables.read("valid", case.entities, since, columns=[NIGHT, live.before])
    if rows.empty:
        return None
    last = rows.groupby(NIGHT)[live.before].max() - pd.Timedelta(hours=live.hours)
    cutoffs = pd.Series(
        [pd.Timestamp(case.horizon.cutoff(date.fromisoformat(night))) for night in last.index], last.index
    )
    known = cutoffs[last.index < str(when.first)].max()
    touched = last[(last <= cutoffs.iloc[-1]) & (last.index <= str(when.last)) & ~(last <= known)].index
    if touched.empty:
        return None
    return Period(date.fromisoformat(touched[0]), date.fromisoformat(touched[-1]))


def _built(
    case: UseCase, horizon: Night | Live, entities: pd.DataFrame, when: Period, tables: Snapshot, watch: features.Watch
) -> pd.DataFrame:
    """Return the features of `entities`, from the rows that they can look back on at the cutoffs of `horizon`."""
    if entities.empty:
        return entities
    lookups = [each for each in case.features_at(horizon) if isinstance(each, Lookup)]
    first = when.first - timedelta(days=_longest_look(lookups))
    last = "9999" if isinstance(horizon, Live) else str(when.last)
    looked_up = {
        name: _or_empty(tables.read("valid", name, str(first), last), case.table(name), case)
        for name in sorted({each.table for each in lookups})
    }
    with usecases.blaming(case.name):
        return features.build(case, coherence.functions(case), entities, looked_up, horizon, watch)


def table(horizon: Night | Live | None = None) -> str:
    """Return the name of the table with the features of `horizon`, the night's unless told otherwise."""
    return LIVE if isinstance(horizon, Live) else TABLE


def address(root: str | Path, case: UseCase, horizon: Night | Live | None = None) -> str:
    """Return where the features of `case` at `horizon` rest."""
    return lake.address(root, case.name, STAGE, table(horizon))


def services(case: UseCase, settings: Settings) -> tuple[Service, ...]:
    """Return what the feature store is to know: each horizon's features, under the version that its declarations have."""
    return tuple(service(case, settings, each) for each in (case.horizon, case.live) if each is not None)


def service(case: UseCase, settings: Settings, horizon: Night | Live | None = None) -> Service:
    """Return the features at `horizon` under the version that their declarations have."""
    horizon = horizon or case.horizon
    types = function_sources.features(case, horizon)
    digests = fingerprints.of(case, horizon, types, function_sources.sources(case), coherence.needs(case))
    return Service(
        use_case=case.name,
        view=table(horizon),
        source=address(settings.lake, case, horizon),
        types=types,
        version=fingerprints.version(digests),
        digests=digests,
    )


def read(
    root: str | Path,
    case: UseCase,
    first: str = "",
    last: str = "9999",
    at_version: int | None = None,
    horizon: Night | Live | None = None,
) -> pd.DataFrame:
    """Return the entities and features of the nights `first` to `last`, text features as categories."""
    rows = lake.read(address(root, case, horizon), first, last, at_version=at_version)
    names = case.names_at(horizon or case.horizon)
    return rows.astype({name: "category" for name in names if name in rows and rows[name].dtype == object})


def valid(root: str | Path, case: UseCase, table: str) -> str:
    """Return where the valid rows of `table` rest."""
    return lake.address(root, case.name, "valid", table)


def _longest_look(made: Iterable[Feature]) -> int:
    """Return how many days of a table the features can reach back over, counting the one that is cut."""
    hours = [each.looks_back_hours for each in made if isinstance(each, Lookup)]
    return math.floor(max(hours, default=0) / 24) + 2


def _or_empty(rows: pd.DataFrame, table: Table, case: UseCase) -> pd.DataFrame:
    return rows if len(rows) else function_sources.empty(case, table)
