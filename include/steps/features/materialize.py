"""Features to where they are asked for: Feast's online store, and the snapshot that a server answers from."""

from datetime import date
from pathlib import Path

import pandas as pd

from include.steps.context import NightContext, StepContext
from include.steps.features import build as feature_step
from include.steps.features import feature_pins
from include.stores import feature_store, snapshot_store, table_snapshot
from include.stores.feature_store import Service
from include.stores.table_snapshot import TableSnapshot
from ml.features import CUTOFF, ENTITY, snapshots
from ml.ingestion.availability import NIGHT
from ml.usecase import Live, Night, UseCase

_WINDOW_NIGHTS = 3


def apply(use_case: str) -> list[str]:
    """Declare the features of a use case to the feature store and return the services that are new; for deploys."""
    context = StepContext.load(use_case)
    return feature_store.apply(context.settings, *feature_step.services(context))


def materialize(use_case: str, period: str) -> int:
    """Export the snapshot of the last night of `period`, bring its nights online, and return the night's entities.

    The snapshot comes first: it does not need the online store. Each window begins two nights early, so that rows which
    came late arrive, and ends with the newest row, so that a night run again never puts an older value in place of a
    newer one. Raises SetupError when the features as they are declared now were never deployed, FeatureError when the
    night was built from others.
    """
    context = StepContext.load(use_case)
    span, tables = context.case.horizon.parse(period), table_snapshot.take(context.case, context.settings)
    services = feature_step.services(context)
    for service in services:
        feature_store.check_applied(context.settings, service)
    exported = _export(context.at(span.last), tables)
    for service in services:
        window = _window(context.case, span.first, service, tables)
        if window is not None:
            feature_store.materialize(context.settings, service, *window)
    return exported


def open_snapshot_store(context: StepContext, package: str | None = None) -> snapshot_store.SnapshotCache:
    """Return what a server of `case` answers from: only from features that mean what `package` learned them as."""
    return snapshot_store.SnapshotCache(
        snapshot_folder(context), feature_pins.from_package(package, context.settings) if package else None
    )


def snapshot_folder(context: StepContext, horizon: Night | Live | None = None) -> Path:
    """Return where the snapshots of `case` rest; those of the live horizon have a shelf of their own."""
    return context.settings.feature_store / context.case.name / ("live" if isinstance(horizon, Live) else "snapshots")


def _window(
    case: UseCase, first: date, service: Service, tables: TableSnapshot
) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """Return the earliest and the latest cutoff of the nights to bring online; None when they have no rows."""
    since = str(case.horizon.previous(first, _WINDOW_NIGHTS - 1))
    cutoffs = tables.read(feature_step.STAGE, service.view, since, columns=[NIGHT, CUTOFF])[CUTOFF]
    if not cutoffs.notna().any():
        return None
    return cutoffs.min(), cutoffs.max()


def _export(context: NightContext, tables: TableSnapshot) -> int:
    version = tables.version(feature_step.STAGE, feature_step.TABLE)
    rows = feature_step.read(context.settings.lake, context.case, str(context.night), str(context.night), version)
    if rows.empty:
        return 0
    facts = {
        "use_case": context.case.name,
        "night": str(context.night),
        "cutoff": context.case.horizon.cutoff(context.night).isoformat(),
        **feature_pins.from_service(feature_pins.check_current(rows, context)).facts,
        "features_version": version,
    }
    packed = snapshots.pack(rows[[ENTITY, *context.case.names_at(context.case.horizon)]], facts)
    snapshot_store.put(snapshot_folder(context), context.night, packed)
    return len(rows)
