"""Publish features for serving: as the snapshot that a server reads, and to Feast's online store if there is one."""

from datetime import date

import pandas as pd

from include.steps.context import NightContext, StepContext
from include.steps.features import build as feature_step
from include.steps.features import feature_pins, snapshot_archive, snapshot_contents, snapshot_publication
from include.stores import feature_store, lake, snapshot_store, table_snapshot
from include.stores.feature_store import Service
from include.stores.table_snapshot import TableSnapshot
from ml.errors import RequestError
from ml.features import CUTOFF
from ml.governance.hash_chain import Entry
from ml.ingestion.availability import NIGHT
from ml.usecase import UseCase, periods

_WINDOW_NIGHTS = 3
_SEARCHED_NIGHTS = 62


def apply(use_case: str) -> list[str]:
    """Apply the feature definitions of a use case to the feature store, for deployments; return the new services."""
    context = StepContext.load_data(use_case)
    return feature_store.apply(context.settings, *feature_step.services(context))


def materialize(use_case: str, period: str) -> int:
    """Export a snapshot of the last night of `period`, and return the number of its entities.

    Where an online store is configured, the nights are then loaded into it, in windows. Each window begins two nights
    early, so that it includes late rows. It ends with the newest night that servers may answer from, so that repeating
    a night never replaces a newer value by an older one. Raises RequestError unless the last night has published scores
    or a person let it through, SetupError when the features as declared now were never deployed, and FeatureError when
    the night was built from other declarations.
    """
    context = StepContext.load_data(use_case)
    span, tables = context.case.schedule.parse(period), table_snapshot.take(context.case, context.settings)
    services = feature_step.services(context)
    for service in services:
        feature_store.check_applied(context.settings, service)
    last = context.at(span.last)
    snapshot_publication.check(last)
    _remove_unpublished(context)
    exported = _export(last)
    if not feature_store.has_online_store(context.settings):
        return exported
    newest = snapshot_store.newest(snapshot_archive.folder(context))
    until = max(str(span.last), newest.night if newest else "")
    for service in services:
        window = _window(context.case, span.first, until, service, tables)
        if window is not None:
            feature_store.materialize(context.settings, service, *window)
    return exported


def override(use_case: str, night: str, who: str, why: str) -> Entry:
    """Let servers answer from `night` (of a window, its last) though it has no published scores; see `materialize`."""
    return snapshot_publication.override(StepContext.load_data(use_case).at(periods.parse(night).last), who, why)


def withdraw(use_case: str, night: str, who: str, why: str) -> str | None:
    """Withdraw the snapshot of `night` from the servers, and return the night that they answer from then.

    If no other snapshot is kept, that of the newest night that may be published is exported again; None without any.
    The ledger records who and why. Raises RequestError when the night has no snapshot.
    """
    context = StepContext.load_data(use_case).at(periods.parse(night).last)
    folder = snapshot_archive.folder(context)
    stored = snapshot_store.nights(folder)
    if str(context.night) not in stored and not snapshot_publication.is_withdrawn(context):
        raise RequestError(
            f"expected a night of {use_case} with a snapshot, got {context.night}: servers have "
            f"{' and '.join(stored) or 'none'}"
        )
    snapshot_publication.record_withdrawal(context, who, why)
    snapshot_store.remove(folder, {str(context.night)})
    _remove_unpublished(context)
    if not snapshot_store.nights(folder):
        _export_newest(context)
    return next(iter(snapshot_store.nights(folder)), None)


def open_snapshot_store(context: StepContext, package: str | None = None) -> snapshot_store.SnapshotCache:
    """Return a server's snapshot cache; with `package`, it refuses features that do not mean what the package pins."""
    return snapshot_store.SnapshotCache(
        snapshot_archive.folder(context), feature_pins.from_package(package, context.settings) if package else None
    )


def _remove_unpublished(context: StepContext) -> None:
    """Remove the snapshots of nights that servers may not answer from, e.g. of a release that did not check this."""
    folder = snapshot_archive.folder(context)
    nights = snapshot_store.nights(folder)
    gone = [each for each in nights if not snapshot_publication.may_stay(context.at(date.fromisoformat(each)))]
    snapshot_store.remove(folder, gone)


def _export_newest(context: StepContext) -> None:
    """Export the newest night of the feature table whose snapshot may be published, if there is one."""
    built = lake.nights(feature_step.address(context.settings.lake, context.case))
    for each in sorted(built, reverse=True)[:_SEARCHED_NIGHTS]:
        night = context.at(each)
        try:
            snapshot_publication.check(night)
        except RequestError:
            continue
        if _export(night):
            return


def _window(
    case: UseCase, first: date, until: str, service: Service, tables: TableSnapshot
) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """Return the earliest and the latest cutoff to load into the online store; None when there are no rows."""
    since = str(case.schedule.previous(first, _WINDOW_NIGHTS - 1))
    cutoffs = tables.read(feature_step.STAGE, service.view, since, until, columns=[NIGHT, CUTOFF])[CUTOFF]
    if not cutoffs.notna().any():
        return None
    return cutoffs.min(), cutoffs.max()


def _export(context: NightContext) -> int:
    packed = snapshot_contents.of_night(context)
    if packed is None:
        return 0
    snapshot_archive.publish(context, str(context.night), packed)
    return packed.rows
