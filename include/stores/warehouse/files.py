"""Records of landed files: each revision of a file, with its SHA-256 and its status. Earlier revisions are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

import sqlalchemy as sa

from include.stores.warehouse import database, tables


class FileStatus(StrEnum):
    """The outcome of ingesting a file."""

    INGESTED = "ingested"
    QUARANTINED = "quarantined"
    DUPLICATE = "duplicate"
    UNKNOWN_TABLE = "unknown table"
    REMOVED = "removed"


@dataclass(frozen=True, kw_only=True, slots=True)
class FileRevision:
    """One revision of a file of a period, and how many of its rows are valid or quarantined."""

    use_case: str
    period: str
    name: str
    source_table: str
    sha256: str
    size_bytes: int
    status: FileStatus
    reason: str = ""
    rows_in: int = 0
    rows_valid: int = 0
    rows_quarantined: int = 0


def record_files(engine: sa.Engine, use_case: str, period: str, files: Sequence[FileRevision]) -> None:
    """Store `files` as the files of `period`; a changed file gets a new revision, an absent one is marked removed."""
    with database.write_transaction(engine, lock=f"files of {use_case}") as connection:
        before = {each.name: (revision, each) for revision, each in _latest(connection, use_case, period)}
        now = {each.name: each for each in files}
        gone = [
            replace(each, status=FileStatus.REMOVED, reason="", rows_in=0, rows_valid=0, rows_quarantined=0)
            for name, (_, each) in before.items()
            if name not in now and each.status is not FileStatus.REMOVED
        ]
        changed = [each for each in (*files, *gone) if each.name not in before or before[each.name][1] != each]
        revisions = {name: revision for name, (revision, _) in before.items()}
        rows = [asdict(each) | {"revision": revisions.get(each.name, 0) + 1} for each in changed]
        database.upsert(connection, tables.files, rows, replace=False)


def files(engine: sa.Engine, use_case: str, period: str | None = None) -> tuple[FileRevision, ...]:
    """Return the newest revision of each file that is not removed, of one period or all, by period and name."""
    with engine.connect() as connection:
        latest = _latest(connection, use_case, period)
    return tuple(each for _, each in latest if each.status is not FileStatus.REMOVED)


def record_file_versions(engine: sa.Engine, use_case: str, period: str, versions: Mapping[str, str]) -> None:
    """Replace the versions of the files of `period` (size and modification time, or ETag) by `versions`."""
    table = tables.file_versions
    rows = [{"use_case": use_case, "period": period, "name": name, "stamp": each} for name, each in versions.items()]
    with database.write_transaction(engine, lock=f"files of {use_case}") as connection:
        connection.execute(sa.delete(table).where(table.c.use_case == use_case, table.c.period == period))
        database.upsert(connection, table, rows)


def last_ingested_period(engine: sa.Engine, use_case: str) -> str | None:
    """Return the latest period with a recorded file; None before the first."""
    known = tables.files.c
    with engine.connect() as connection:
        last: str | None = connection.scalar(sa.select(sa.func.max(known.period)).where(known.use_case == use_case))
        return last


def ingested_periods(engine: sa.Engine, use_case: str) -> tuple[str, ...]:
    """Return the periods with a recorded file, in order."""
    known = tables.files.c
    query = sa.select(known.period).where(known.use_case == use_case).distinct().order_by(known.period)
    with engine.connect() as connection:
        return tuple(connection.scalars(query))


def file_versions(engine: sa.Engine, use_case: str, since: str = "") -> dict[str, dict[str, str]]:
    """Return, for each period from `since` on with a recorded file, the versions of its files by name."""
    known, versions = tables.files.c, tables.file_versions.c
    periods = sa.select(known.period).where(known.use_case == use_case, known.period >= since).distinct()
    query = sa.select(versions.period, versions.name, versions.stamp).where(
        versions.use_case == use_case, versions.period >= since
    )
    with engine.connect() as connection:
        versions_by_period: dict[str, dict[str, str]] = {str(period): {} for period in connection.scalars(periods)}
        for period, name, version in connection.execute(query):
            versions_by_period.setdefault(period, {})[name] = version
    return versions_by_period


def _latest(connection: sa.Connection, use_case: str, period: str | None) -> list[tuple[int, FileRevision]]:
    table = tables.files
    newest = (
        sa.select(table.c.period, table.c.name, sa.func.max(table.c.revision).label("revision"))
        .where(table.c.use_case == use_case)
        .group_by(table.c.period, table.c.name)
        .subquery()
    )
    on_newest = sa.and_(*(table.c[name] == newest.c[name] for name in ("period", "name", "revision")))
    query = sa.select(table).join(newest, on_newest).where(table.c.use_case == use_case)
    query = query.order_by(table.c.period, table.c.name)
    rows = connection.execute(query if period is None else query.where(table.c.period == period)).mappings()
    return [(row["revision"], _file(dict(row))) for row in rows]


def _file(row: dict[str, object]) -> FileRevision:
    row.pop("revision")
    values = row | {"status": FileStatus(str(row["status"]))}
    return FileRevision(**values)  # type: ignore[arg-type]  # the columns of the table
