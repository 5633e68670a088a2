"""Build features from the valid tables, as of each night's cutoff and, live, as of each entity's own cutoff."""

import math
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from include import usecases
from include.steps.context import StepContext
from include.steps.features import build_costs, infinite_values
from include.stopwatch import Stopwatch
from include.stores import feature_store, lake, table_snapshot, warehouse
from include.stores.feature_store import Service
from include.stores.table_snapshot import TableSnapshot
from include.usecases import coherence, function_sources
from ml import features
from ml.features import fingerprints
from ml.ingestion.availability import NIGHT
from ml.usecase import Feature, Live, Lookup, Night, Table, UseCase
from ml.usecase.periods import Period

_MAX_EVENT_LEAD_DAYS = 45  # an event happens at most this long after the cutoff of its night

STAGE, TABLE = "features", "entities"
SERVICE = "feature_service"  # the column that names the declarations a row was built from


def build(use_case: str, period: str) -> int:
    """Build the features of every entity of `period` and return the number of entities.

    Later nights that look back on the period are built again. For each live horizon, this also builds the features of
    the nights whose last live cutoff has been reached.
    """
    context = StepContext.load_data(use_case)
    span = context.case.schedule.parse(period)
    tables = table_snapshot.take(context.case, context.settings)
    affected = Period(span.first, max([span.last, *_dependent_nights(context, span)]))
    _build_nightly(context, affected, tables)
    for live in context.case.lives:
        _build_live(context, live, affected, tables)
    return len(tables.read("valid", context.case.entities, str(span.first), str(span.last), columns=[NIGHT]))


def rebuild(case: UseCase, night: date, tables: TableSnapshot, horizon: Night | Live | None = None) -> pd.DataFrame:
    """Return the features of the entities of `night`, computed from the valid tables without storing them."""
    entities = tables.read("valid", case.entities, str(night), str(night))
    return _compute(case, horizon or case.horizon, entities, Period(night, night), tables, Stopwatch())


def cutoffs(case: UseCase, tables: TableSnapshot, first: str, last: str) -> pd.Series:
    """Return the cutoff (UTC) of each entity of the nights `first` to `last` at the horizon of `case`, by entity."""
    entities = tables.read("valid", case.entities, first, last)
    if entities.empty:
        return pd.Series([], index=pd.Index([], name=features.ENTITY), dtype="datetime64[us, UTC]")
    return features.cutoffs_by_entity(case, case.horizon, entities).dropna()


def _dependent_nights(context: StepContext, period: Period) -> list[date]:
    """Return the later nights, already built, whose lookback reaches `period`: a correction changes them too."""
    reach = period.last + timedelta(days=_longest_lookback_days(context.case.features_at(context.case.horizon)))
    return [
        night for night in lake.nights(address(context.settings.lake, context.case)) if period.last < night <= reach
    ]


def _build_nightly(context: StepContext, period: Period, tables: TableSnapshot) -> None:
    entities = tables.read("valid", context.case.entities, str(period.first), str(period.last))
    _write(context, context.case.horizon, period, entities, tables)


def _build_live(context: StepContext, live: Live, period: Period, tables: TableSnapshot) -> None:
    affected = _complete_nights(context.case, live, period, tables)
    if affected is not None:
        entities = tables.read("valid", context.case.entities, str(affected.first), str(affected.last))
        _write(context, live, affected, entities, tables)


def _write(
    context: StepContext, horizon: Night | Live, period: Period, entities: pd.DataFrame, tables: TableSnapshot
) -> None:
    watch = Stopwatch()
    built, feature_service = _compute(context.case, horizon, entities, period, tables, watch), service(context, horizon)
    feature_store.save_definitions(context.settings, feature_service)
    new_version = lake.replace(feature_service.source, period, built.assign(**{SERVICE: feature_service.name}))
    engine, product = context.engine, f"{STAGE}/{table(horizon)}@{new_version}"
    warehouse.record_table_reads(engine, context.case.name, period, STAGE, product, tables.versions)
    build_costs.record(engine, context.case, horizon, table(horizon), period, built, watch.seconds)
    infinite_values.alert(context, horizon, period, built)


def complete_nights(context: StepContext, period: Period) -> Period | None:
    """Return the nights that have the features of the context's horizon since `period` landed; None without any."""
    horizon = context.case.horizon
    if isinstance(horizon, Night):
        return period
    return _complete_nights(context.case, horizon, period, table_snapshot.take(context.case, context.settings))


def _complete_nights(case: UseCase, live: Live, period: Period, tables: TableSnapshot) -> Period | None:
    """Return the nights whose last live cutoff has been reached, but had not been before `period`; None without any.

    A night's live cutoffs come after its own cutoff, so the last one is reached when a later night has landed.
    """
    since = str(period.first - timedelta(days=_MAX_EVENT_LEAD_DAYS))
    rows = tables.read("valid", case.entities, since, columns=[NIGHT, live.before])
    if rows.empty:
        return None
    last = rows.groupby(NIGHT)[live.before].max() - pd.Timedelta(hours=live.hours).as_unit("us")
    cutoffs = pd.Series(
        [pd.Timestamp(case.schedule.cutoff(date.fromisoformat(night))) for night in last.index], last.index
    )
    known = cutoffs[last.index < str(period.first)].max()
    affected = last[(last <= cutoffs.iloc[-1]) & (last.index <= str(period.last)) & ~(last <= known)].index
    if affected.empty:
        return None
    return Period(date.fromisoformat(affected[0]), date.fromisoformat(affected[-1]))


def _compute(
    case: UseCase,
    horizon: Night | Live,
    entities: pd.DataFrame,
    period: Period,
    tables: TableSnapshot,
    watch: features.Timer,
) -> pd.DataFrame:
    """Return the features of `entities`, from the rows within their lookback at the cutoffs of `horizon`."""
    if entities.empty:
        return entities
    lookups = [each for each in case.features_at(horizon) if isinstance(each, Lookup)]
    first = period.first - timedelta(days=_longest_lookback_days(lookups))
    last = "9999" if isinstance(horizon, Live) else str(period.last)
    looked_up = {
        name: _or_empty(tables.read("valid", name, str(first), last), case.table(name), case)
        for name in sorted({each.table for each in lookups})
    }
    with usecases.translate_errors(case.name):
        return features.build(case, coherence.functions(case), entities, looked_up, horizon, watch)


def table(horizon: Night | Live) -> str:
    """Return the name of the feature table of `horizon`."""
    return horizon.name if isinstance(horizon, Live) else TABLE


def name(case: UseCase) -> str:
    """Return the feature table of the horizon of `case`, with its stage: "features/entities" at the night's."""
    return f"{STAGE}/{table(case.horizon)}"


def version(tables: TableSnapshot, case: UseCase) -> int:
    """Return the version at which `tables` reads the feature table of the horizon of `case`."""
    return tables.version(STAGE, table(case.horizon))


def address(root: str | Path, case: UseCase, horizon: Night | Live | None = None) -> str:
    """Return the address of the feature table of `case` at `horizon`."""
    return lake.address(root, case.dataset, STAGE, table(horizon or case.horizon))


def services(context: StepContext) -> tuple[Service, ...]:
    """Return the services for the feature store: one for each horizon, versioned by its declarations."""
    return tuple(service(context, each) for each in context.case.horizons)


def service(context: StepContext, horizon: Night | Live | None = None) -> Service:
    """Return the features at `horizon` as a service, versioned by its declarations."""
    horizon = horizon or context.case.horizon
    types = function_sources.feature_types(context.case, horizon)
    digests = fingerprints.compute(
        context.case,
        horizon,
        types,
        function_sources.function_sources(context.case),
        coherence.function_parameters(context.case),
    )
    return Service(
        use_case=context.case.dataset,
        view=table(horizon),
        source=address(context.settings.lake, context.case, horizon),
        types=types,
        version=fingerprints.combined_digest(digests),
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
    """Return the entities and features of the nights `first` to `last`; features of strings are categories."""
    rows = lake.read(address(root, case, horizon), first, last, at_version=at_version)
    names = case.names_at(horizon or case.horizon)
    return rows.astype({name: "category" for name in names if name in rows and rows[name].dtype == object})


def valid_address(root: str | Path, case: UseCase, table: str) -> str:
    """Return the address of the valid rows of `table`."""
    return lake.address(root, case.dataset, "valid", table)


def _longest_lookback_days(declared: Iterable[Feature]) -> int:
    """Return how many days of a table the lookback of the features can touch, partial days included."""
    hours = [each.lookback_hours for each in declared if isinstance(each, Lookup)]
    return math.floor(max(hours, default=0) / 24) + 2


def _or_empty(rows: pd.DataFrame, table: Table, case: UseCase) -> pd.DataFrame:
    return rows if len(rows) else function_sources.empty_table(case, table)
