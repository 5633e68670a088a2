"""Publish features for serving: as the snapshot that a server reads, and to Feast's online store if there is one."""

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
    """Apply the feature definitions of a use case to the feature store, for deployments; return the new services."""
    context = StepContext.load(use_case)
    return feature_store.apply(context.settings, *feature_step.services(context))


def materialize(use_case: str, period: str) -> int:
    """Export a snapshot of the last night of `period`, and return the number of its entities.

    Where an online store is configured, the nights are then loaded into it, in windows. Each window begins two nights
    early, so that it includes late rows. It ends with the newest row, so that repeating a night never replaces a newer
    value by an older one. Raises SetupError when the features as declared now were never deployed, and FeatureError
    when the night was built from other declarations.
    """
    context = StepContext.load(use_case)
    span, tables = context.case.horizon.parse(period), table_snapshot.take(context.case, context.settings)
    services = feature_step.services(context)
    for service in services:
        feature_store.check_applied(context.settings, service)
    exported = _export(context.at(span.last), tables)
    if not feature_store.has_online_store(context.settings):
        return exported
    for service in services:
        window = _window(context.case, span.first, service, tables)
        if window is not None:
            feature_store.materialize(context.settings, service, *window)
    return exported


def open_snapshot_store(context: StepContext, package: str | None = None) -> snapshot_store.SnapshotCache:
    """Return a server's snapshot cache; with `package`, it refuses features that do not mean what the package pins."""
    return snapshot_store.SnapshotCache(
        snapshot_folder(context), feature_pins.from_package(package, context.settings) if package else None
    )


def snapshot_folder(context: StepContext, horizon: Night | Live | None = None) -> Path:
    """Return the folder of the use case's snapshots; those of the live horizon have a folder of their own."""
    return context.settings.feature_store / context.case.name / ("live" if isinstance(horizon, Live) else "snapshots")


def _window(
    case: UseCase, first: date, service: Service, tables: TableSnapshot
) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """Return the earliest and the latest cutoff to load into the online store; None when there are no rows."""
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
