"""Data lineage: the versions of the tables from which features, snapshots, scores and metrics were computed."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date

import sqlalchemy as sa

from include.stores.warehouse import database, tables


@dataclass(frozen=True, kw_only=True, slots=True)
class TableRead:
    """One read: `stage` read `source_table` ("valid/rides") at `version` to compute `product` for `night`.

    `product` is a version of a table ("features/entities@7"), or the digest of the model whose metrics were computed.
    """

    use_case: str
    night: date
    stage: str
    product: str
    source_table: str
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotRecord:
    """A published snapshot: its name in the prediction log, its night, and its manifest (JSON)."""

    use_case: str
    snapshot: str
    night: date
    manifest: str


def record_table_reads(
    engine: sa.Engine, use_case: str, nights: Iterable[date], stage: str, product: str, versions: Mapping[str, int]
) -> None:
    """Store the `versions` of the tables that `product` was computed from, for each night; a rerun replaces them."""
    rows = [
        asdict(
            TableRead(use_case=use_case, night=night, stage=stage, product=product, source_table=table, version=version)
        )
        for night in nights
        for table, version in versions.items()
    ]
    with database.write_transaction(engine) as connection:
        database.upsert(connection, tables.table_reads, rows)


def table_reads(engine: sa.Engine, use_case: str, night: date | None = None) -> tuple[TableRead, ...]:
    """Return the reads for `night`, or for all nights, in the order of night, stage, product and table."""
    table = tables.table_reads
    query = sa.select(table).where(table.c.use_case == use_case).order_by(*table.primary_key)
    if night is not None:
        query = query.where(table.c.night == night)
    with engine.connect() as connection:
        return tuple(TableRead(**row) for row in connection.execute(query).mappings())


def scored_feature_versions(engine: sa.Engine, use_case: str) -> tuple[tuple[date, int], ...]:
    """Return each pair of a scored night and a version of the features table that its scores used, in order."""
    column = tables.scores.c
    query = (
        sa.select(column.night, column.features_version)
        .where(column.use_case == use_case, column.features_version.is_not(None))
        .distinct()
        .order_by(column.night, column.features_version)
    )
    with engine.connect() as connection:
        return tuple((night, version) for night, version in connection.execute(query))


def record_snapshot(engine: sa.Engine, use_case: str, snapshot: str, *, night: date, manifest: str) -> None:
    """Store the manifest of a snapshot; a rerun replaces it."""
    record = SnapshotRecord(use_case=use_case, snapshot=snapshot, night=night, manifest=manifest)
    with database.write_transaction(engine) as connection:
        database.upsert(connection, tables.snapshots, [asdict(record)])


def snapshot_records(engine: sa.Engine, use_case: str, snapshot: str | None = None) -> tuple[SnapshotRecord, ...]:
    """Return the recorded snapshots of a model in the order of their names, or only the one called `snapshot`."""
    table = tables.snapshots
    query = sa.select(table).where(table.c.use_case == use_case).order_by(table.c.snapshot)
    if snapshot is not None:
        query = query.where(table.c.snapshot == snapshot)
    with engine.connect() as connection:
        return tuple(SnapshotRecord(**row) for row in connection.execute(query).mappings())
