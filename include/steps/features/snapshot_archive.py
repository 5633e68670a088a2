"""Publish snapshots with a record of each, and rebuild any recorded snapshot to the last bit.

The record is the manifest, in the warehouse. It is kept for as long as the prediction log, whose answers name the
snapshot that they were looked up in; the table versions that it pins are kept as long.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import sqlalchemy as sa

from include.steps.context import NightContext, StepContext
from include.steps.features import build as feature_step
from include.steps.features import feature_pins, snapshot_contents
from include.stores import snapshot_store, warehouse
from ml.errors import FeatureError, RequestError
from ml.features import fingerprints, snapshots
from ml.features.snapshots import FeatureSnapshot, PackedSnapshot


@dataclass(frozen=True, kw_only=True, slots=True)
class RebuiltSnapshot:
    """A snapshot built again from what its manifest pins; `is_equal` says whether all its values are the same to the bit."""

    snapshot: FeatureSnapshot
    digest: str
    is_equal: bool


def name_of(moment: datetime) -> str:
    """Return the name under which a live snapshot as of `moment` is published: a text that sorts by time.

    >>> name_of(datetime(2024, 3, 17, 12, 15, tzinfo=UTC))
    '2024-03-17T12:15:00Z'
    """
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def moment(snapshot: str) -> datetime:
    """Return the moment of a live snapshot, from its name in the prediction log.

    >>> moment("2024-03-17T12:15:00Z.0123456789ab")
    datetime.datetime(2024, 3, 17, 12, 15, tzinfo=datetime.timezone.utc)
    """
    return datetime.fromisoformat(snapshot.partition(".")[0])


def folder(context: StepContext) -> Path:
    """Return the folder of the snapshots that the model of the context looks entities up in."""
    return snapshot_store.folder_of(context.settings.feature_store, context.case.name)


def publish(context: NightContext, name: str, packed: PackedSnapshot) -> None:
    """Record the snapshot, then store it for servers; `name` is its night or its moment, a text that sorts by time.

    A snapshot that has the same content as the stored one of this name changes nothing, also if it was built from later
    versions of the tables: a repeated publication leaves the same state.
    """
    root = folder(context)
    stored = snapshot_store.manifest(root, name)
    if stored is not None and snapshots.has_same_content(stored, packed.manifest):
        return
    reference = snapshot_store.reference(name, packed)
    warehouse.record_snapshot(
        context.engine, context.case.name, reference.folder, night=context.night, manifest=packed.manifest
    )
    snapshot_store.put(root, name, packed)


def pinned_versions(engine: sa.Engine, model: str) -> Iterator[tuple[date, str, str, int]]:
    """Yield the night, the name, a table ("valid/rides") and its version for all that recorded snapshots pin."""
    for record in warehouse.snapshot_records(engine, model):
        for table, version in snapshots.manifest_facts(record.manifest).get(snapshots.TABLES, {}).items():
            yield record.night, record.snapshot, table, int(version)


def rebuild(model: str, name: str) -> RebuiltSnapshot:
    """Build the snapshot called `name`, as the prediction log names it, from the table versions that it pins.

    Raises RequestError for a snapshot that was not recorded, or is of a release that did not pin tables; FeatureError
    when the features are declared otherwise now; and DataError when a version that it pins was removed.
    """
    context = StepContext.load(model)
    recorded = warehouse.snapshot_records(context.engine, model, name)
    if not recorded:
        newest = [each.snapshot for each in warehouse.snapshot_records(context.engine, model)][-1:]
        raise RequestError(
            f"expected a snapshot of {model} that is recorded{f', such as {newest[0]}' if newest else ''}, got {name!r}: "
            "the prediction log names the snapshot of each answer; records are kept as long as the prediction log"
        )
    facts = snapshots.manifest_facts(recorded[0].manifest)
    if snapshots.TABLES not in facts:
        raise RequestError(f"expected a snapshot that pins the tables it was built from, got {name}, which pins none")
    fingerprints.check_compatible(
        fingerprints.from_facts(facts, source=f"the snapshot {name}"),
        feature_pins.from_service(feature_step.service(context)),
        pinned_by=f"the snapshot {name} was built with",
        target=f"the use case {context.case.name}",
        remedy="rebuild it with the release of that day",
    )
    packed = _pack(context.at(recorded[0].night), facts)
    if packed is None:
        raise FeatureError(f"expected entities of {recorded[0].night} in the tables that {name} pins, found none")
    equal = snapshots.has_same_values(recorded[0].manifest, packed.manifest)
    return RebuiltSnapshot(snapshot=snapshots.load(packed.files, packed.digest), digest=packed.digest, is_equal=equal)


def _pack(context: NightContext, facts: dict[str, object]) -> PackedSnapshot | None:
    versions = facts[snapshots.TABLES]
    assert isinstance(versions, dict)
    if snapshots.AS_OF in facts:
        return snapshot_contents.of_moment(context, datetime.fromisoformat(str(facts[snapshots.AS_OF])), versions)
    return snapshot_contents.of_night(context, versions)
