"""The files of a period: which exist, which are new, and the result for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from include.steps.context import StepContext
from include.steps.ingest import reporting, tables
from include.stores import landing, warehouse
from include.stores.landing import LandedFile, Location, ScannedFile
from include.stores.warehouse import FileRevision, FileStatus
from ml.errors import DataError
from ml.ingestion import chunks
from ml.ingestion.declared_columns import DeclaredColumns
from ml.ingestion.row_counts import RowCounts
from ml.ingestion.validation import reasons
from ml.usecase import Table, UseCase, periods
from ml.usecase.periods import Period

_UNKNOWN_SHOWN = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class PeriodFiles:
    """The files of a period, by table in the order of their parts.

    `duplicates` says, for each file whose bytes were seen before, in which file. `unknown_files` belong to no table;
    each has the reason why it is not read.
    `file_versions` has the version of each file (size and modification time, or ETag) before it was read.
    """

    landed: Mapping[str, Sequence[ScannedFile]]
    duplicates: Mapping[str, str]
    unknown_files: Mapping[str, str]
    file_versions: Mapping[str, str]

    def readable_new_files(self, table: Table) -> list[ScannedFile]:
        """Return the readable new files of `table`."""
        return [each for each in self.landed[table.name] if not each.fault and each.name not in self.duplicates]


def scan(context: StepContext, period: Period, location: Location, scratch: Path) -> PeriodFiles:
    """Return the period's files, each scanned; raises DataError when a required table has none.

    Remote files are downloaded to the folder `scratch`.
    """
    names = [table.name for table in context.case.tables]
    arrivals = landing.list_files(location, names)
    unknown = f"expected a name that begins with a table's ({', '.join(names)}) and a dot"
    unknown_files = {each.name: each.fault or unknown for each in arrivals if each.table is None}
    if missing := _find_missing(context.case, arrivals):
        reporting.report_unknown_files(context, period, unknown_files)
        raise _missing_error(missing, location, unknown_files)
    landed = {
        table.name: _scan_files(
            [each for each in arrivals if each.table == table.name],
            location,
            scratch,
            tables.declared_columns(context.case, table),
        )
        for table in context.case.tables
    }
    return PeriodFiles(
        landed=landed,
        duplicates=_find_duplicates(context, period, landed),
        unknown_files=unknown_files,
        file_versions={each.name: each.version for each in arrivals},
    )


def _find_missing(case: UseCase, arrivals: Sequence[LandedFile]) -> str | None:
    """Return the first required table without a file; None if each has one."""
    present = {each.table for each in arrivals}
    return next((table.name for table in case.tables if table.required and table.name not in present), None)


def _missing_error(table: str, location: Location, unknown_files: Mapping[str, str]) -> DataError:
    """Return the error for a table without a file; it names some of the files that belong to no table."""
    others = [f". {name}: {reason}" for name, reason in list(unknown_files.items())[:_UNKNOWN_SHOWN]]
    return DataError(
        f"expected a file of {table!r} ({table}.csv, .csv.gz, .parquet or .jsonl) in {location}; land it and run this "
        "night again; nothing was ingested" + "".join(others)
    )


def _scan_files(
    arrivals: Sequence[LandedFile], location: Location, scratch: Path, columns: DeclaredColumns
) -> list[ScannedFile]:
    """Return the scanned files of a table; together they cache no more rows than are validated at once."""
    landed: list[ScannedFile] = []
    rows_left = chunks.MAX_ROWS
    for each in arrivals:
        landed.append(landing.scan(location, each, scratch, max_cached_rows=rows_left, columns=columns))
        rows_left -= 0 if landed[-1].cached is None else landed[-1].count
    return landed


def record(
    context: StepContext, period: Period, period_files: PeriodFiles, row_counts: Mapping[str, RowCounts]
) -> tuple[FileRevision, ...]:
    """Record the result for each file in the warehouse, and return the results."""
    records = [
        _file_record(context.case, period, table, each, period_files.duplicates.get(each.name), row_counts[table.name])
        for table in context.case.tables
        for each in period_files.landed[table.name]
    ]
    records += [
        FileRevision(
            use_case=context.case.name,
            period=str(period),
            name=name,
            source_table="",
            sha256="",
            size_bytes=0,
            status=FileStatus.UNKNOWN_TABLE,
            reason=reason,
        )
        for name, reason in period_files.unknown_files.items()
    ]
    engine = context.engine
    warehouse.record_files(engine, context.case.name, str(period), records)
    warehouse.record_file_versions(engine, context.case.name, str(period), period_files.file_versions)
    return tuple(records)


def stale_periods(context: StepContext, ingested: Period) -> list[str]:
    """Return the later periods with a file whose status, new or duplicate, is no longer right."""
    seen: dict[tuple[str, str], set[str]] = {}
    stale = set()
    for each in _in_order(warehouse.files(context.engine, context.case.name)):
        earlier_periods = seen.setdefault(_content_key(each), set())
        is_duplicate = any(period == each.period or not _overlaps(each.period, period) for period in earlier_periods)
        if is_duplicate is not (each.status is FileStatus.DUPLICATE):
            stale.add(each.period)
        earlier_periods.add(each.period)
    return sorted(period for period in stale if _bounds(period) > _bounds(str(ingested)))


def _file_record(
    case: UseCase, period: Period, table: Table, landed: ScannedFile, duplicate_of: str | None, row_counts: RowCounts
) -> FileRevision:
    valid, quarantined = row_counts.by_file.get(landed.name, 0), row_counts.quarantined.get(landed.name, 0)
    reason = landed.fault or row_counts.refused.get(landed.name, "") or _all_quarantined(table, landed.name, row_counts)
    verdict = FileStatus.QUARANTINED if reason else FileStatus.INGESTED
    if duplicate_of is not None:
        verdict, reason = FileStatus.DUPLICATE, f"the same bytes as {duplicate_of}"
    return FileRevision(
        use_case=case.name,
        period=str(period),
        name=landed.name,
        source_table=table.name,
        sha256=landed.sha256,
        size_bytes=landed.size_bytes,
        status=verdict,
        reason=reason,
        rows_in=valid + quarantined,
        rows_valid=valid,
        rows_quarantined=quarantined,
    )


def _all_quarantined(table: Table, file: str, row_counts: RowCounts) -> str:
    """Return the reason for a file whose rows are all quarantined, if its table is required and has no valid row."""
    quarantined = row_counts.quarantined.get(file, 0)
    if not table.required or row_counts.rows_valid or not quarantined:
        return ""
    return f"expected a valid row of {table.name}, but all {quarantined:,} rows are quarantined: " + reasons.summarize(
        row_counts.reasons[file]
    )


def _find_duplicates(
    context: StepContext, period: Period, landed: Mapping[str, Sequence[ScannedFile]]
) -> dict[str, str]:
    """Return the files whose bytes equal those of an earlier file of the same table, in this or an earlier period."""
    known = _in_order(warehouse.files(context.engine, context.case.name))
    first_seen: dict[tuple[str, str], str] = {}
    for each in known:
        if _bounds(each.period) < _bounds(str(period)) and not _overlaps(str(period), each.period):
            first_seen.setdefault(_content_key(each), f"{each.name} of {each.period}")
    duplicates = {}
    for table, files in landed.items():
        for file in files:
            content = table, file.sha256
            if file.count and content in first_seen:
                duplicates[file.name] = first_seen[content]
            first_seen.setdefault(content, f"{file.name} of {period}")
    return duplicates


def _in_order(files: Sequence[FileRevision]) -> list[FileRevision]:
    """Return the files with rows, and the duplicates, ordered by period and part."""
    with_rows = [each for each in files if each.rows_in or each.status is FileStatus.DUPLICATE]
    return sorted(with_rows, key=lambda each: (_bounds(each.period), landing.sort_key(each.name)))


def _content_key(file: FileRevision) -> tuple[str, str]:
    return file.source_table, file.sha256


def _overlaps(period: str, other: str) -> bool:
    """Return whether the periods share nights; ingesting one then replaces rows of the other."""
    here, there = periods.parse(period), periods.parse(other)
    return there.first in here or here.first in there


def _bounds(period: str) -> tuple[str, str]:
    parsed = periods.parse(period)
    return str(parsed.first), str(parsed.last)
