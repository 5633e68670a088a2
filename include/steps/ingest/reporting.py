"""The reports of an ingestion: row counts by night, alerts with file, reason and count, and a ledger entry."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from include.steps.context import StepContext
from include.steps.ingest.labels import LabelMatch
from include.stores import ledger, warehouse
from include.stores.warehouse import Alert, FileRevision, FileStatus, Ingestion
from ml.governance import ledger_entries
from ml.governance.ledger_entries import EntryKind, Validated
from ml.ingestion.row_counts import RowCounts
from ml.ingestion.validation import reasons
from ml.usecase import UseCase
from ml.usecase.periods import Period

QUARANTINE, FILE, WARNING, LABELS = "quarantine", "file", "warning", "labels"
LATE_FILES = "late_files"  # raised for a night that should be ingested again
_REASONS_SHOWN = 3


def report(
    context: StepContext,
    period: Period,
    files: Sequence[FileRevision],
    row_counts: Mapping[str, RowCounts],
    versions: Mapping[str, int],
    label_match: LabelMatch,
) -> None:
    """Record the counts, alerts and ledger entry of an ingestion; repeating this changes nothing."""
    engine = context.engine
    warehouse.record_ingestion(
        engine, *(each for table in row_counts for each in _counts(context.case, period, table, row_counts[table]))
    )
    alerts = [
        *_row_alerts(context.case, period, row_counts),
        *_file_alerts(context.case, period, files),
        *_empty_file_alerts(context.case, period, files, row_counts),
        *_label_alerts(context.case, period, label_match),
        *_warnings(context.case, period, row_counts),
    ]
    kinds = (QUARANTINE, FILE, LABELS, WARNING, LATE_FILES)
    warehouse.replace_alerts(engine, context.case.name, period.last, kinds, alerts)
    _record(context, period, files, row_counts, alerts, versions)


def report_unknown_files(context: StepContext, period: Period, unknown_files: Mapping[str, str]) -> None:
    """Raise an alert for each file that belongs to no table, with its reason, for a night that cannot be ingested."""
    for name, reason in unknown_files.items():
        message = f"{name}: {FileStatus.UNKNOWN_TABLE}, {reason}"
        warehouse.raise_alert(context.engine, _alert(context.case, period, FILE, name, message))


def _counts(case: UseCase, period: Period, table: str, row_counts: RowCounts) -> list[Ingestion]:
    quarantined = row_counts.rows_quarantined
    return [
        Ingestion(
            use_case=case.name,
            night=night,
            source_table=table,
            rows_in=row_counts.by_night.get(str(night), 0) + quarantined * (night == period.last),
            rows_valid=row_counts.by_night.get(str(night), 0),
            rows_quarantined=quarantined * (night == period.last),
        )
        for night in case.schedule.nights(period)
    ]


def _row_alerts(case: UseCase, period: Period, row_counts: Mapping[str, RowCounts]) -> list[Alert]:
    return [
        _alert(
            case,
            period,
            QUARANTINE,
            file,
            f"{each.quarantined[file]} rows of {file} quarantined: {reasons.summarize(kinds, _REASONS_SHOWN)}",
        )
        for each in row_counts.values()
        for file, kinds in sorted(each.reasons.items())
    ]


def _file_alerts(case: UseCase, period: Period, files: Sequence[FileRevision]) -> list[Alert]:
    alerting_tables = {each.name for each in case.tables if each.required} | {""}
    return [
        _alert(
            case, period, FILE, each.name, f"{each.name}: {each.status}, {each.reason} ({each.rows_quarantined} rows)"
        )
        for each in files
        if each.status in (FileStatus.QUARANTINED, FileStatus.UNKNOWN_TABLE)
        or (each.status is FileStatus.DUPLICATE and each.source_table in alerting_tables)
    ]


def _empty_file_alerts(
    case: UseCase, period: Period, files: Sequence[FileRevision], row_counts: Mapping[str, RowCounts]
) -> list[Alert]:
    """Return an alert for each readable file of a required table that has no row in any file."""
    empty_tables = {table.name for table in case.tables if table.required and not row_counts[table.name].rows_in}
    return [
        _alert(
            case,
            period,
            FILE,
            each.name,
            f"{each.name}: expected rows of {each.source_table}, which is required, got none; if there are any, land "
            "the file again and run this night again",
        )
        for each in files
        if each.status is FileStatus.INGESTED and each.source_table in empty_tables
    ]


def _label_alerts(case: UseCase, period: Period, match: LabelMatch) -> list[Alert]:
    if not match.is_low:
        return []
    examples = f": `{match.label}` against `{match.entity}`" if match.label and match.entity else ""
    message = (
        f"{match.matched:,} of {match.landed:,} labels match{examples}; an entity of {case.entities} has the same key "
        f"({', '.join(case.table(case.entities).key)}) as its label in {case.task.table}: write both in one form"
    )
    return [_alert(case, period, LABELS, case.task.table, message)]


def _warnings(case: UseCase, period: Period, row_counts: Mapping[str, RowCounts]) -> list[Alert]:
    return [
        _alert(case, period, WARNING, table, "; ".join(finding.describe() for finding in each.warnings))
        for table, each in row_counts.items()
        if each.warnings
    ]


def _alert(case: UseCase, period: Period, kind: str, subject: str, message: str) -> Alert:
    return Alert(use_case=case.name, night=period.last, kind=kind, subject=subject, message=message)


def _record(
    context: StepContext,
    period: Period,
    files: Sequence[FileRevision],
    row_counts: Mapping[str, RowCounts],
    alerts: Sequence[Alert],
    versions: Mapping[str, int],
) -> None:
    """Append the ingestion to the ledger, unless files and results equal those of the previous entry."""
    engine = context.engine
    content = Validated(
        rows_in=sum(each.rows_in for each in files),
        rows_valid=sum(each.rows_valid for each in files),
        rows_quarantined=sum(each.rows_quarantined for each in files),
        files={each.name: each.sha256 for each in files},
        quarantined=dict(sorted(item for each in row_counts.values() for item in each.quarantined.items())),
        alerts=tuple(each.message for each in alerts),
    )
    previous = ledger.entries(
        engine, use_case=context.case.name, kind=EntryKind.VALIDATED, night=period.last, subject=str(period)
    )
    if previous and replace(ledger_entries.read(previous[-1], Validated), versions={}) == content:
        return
    ledger.append(
        engine,
        kind=EntryKind.VALIDATED,
        use_case=context.case.name,
        night=period.last,
        subject=str(period),
        payload=replace(content, versions=dict(versions)),
        key=f"{context.case.name}:{EntryKind.VALIDATED}:{period}:{len(previous) + 1}",
    )
