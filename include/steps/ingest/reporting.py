"""The reports of an ingestion: row counts by night, alerts with file, reason and count, and a ledger entry."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from include.steps.context import StepContext
from include.stores import ledger, warehouse
from include.stores.warehouse import Alert, FileRevision, FileStatus, Ingestion
from ml.governance import ledger_entries
from ml.governance.ledger_entries import EntryKind, Validated
from ml.ingestion.row_counts import RowCounts
from ml.usecase import UseCase
from ml.usecase.periods import Period

QUARANTINE, FILE, WARNING = "quarantine", "file", "warning"
LATE_FILES = "late_files"  # raised for a night that should be ingested again
_REASONS_SHOWN = 3


def report(
    context: StepContext,
    period: Period,
    files: Sequence[FileRevision],
    row_counts: Mapping[str, RowCounts],
    versions: Mapping[str, int],
) -> None:
    """Record the counts, alerts and ledger entry of an ingestion; repeating this changes nothing."""
    engine = context.engine
    warehouse.record_ingestion(
        engine, *(each for table in row_counts for each in _counts(context.case, period, table, row_counts[table]))
    )
    quarantined = _quarantined_by_file(row_counts)
    alerts = [
        *_row_alerts(context.case, period, quarantined),
        *_file_alerts(context.case, period, files),
        *_warnings(context.case, period, row_counts),
    ]
    warehouse.replace_alerts(engine, context.case.name, period.last, (QUARANTINE, FILE, WARNING, LATE_FILES), alerts)
    _record(context, period, files, quarantined, alerts, versions)


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
        for night in case.horizon.nights(period)
    ]


def _quarantined_by_file(row_counts: Mapping[str, RowCounts]) -> dict[str, Mapping[str, int]]:
    """Return how many rows of each file are quarantined for each reason."""
    return dict(sorted(item for each in row_counts.values() for item in each.quarantined.items()))


def _row_alerts(case: UseCase, period: Period, quarantined: Mapping[str, Mapping[str, int]]) -> list[Alert]:
    return [
        _alert(
            case, period, QUARANTINE, file, f"{sum(reasons.values())} rows of {file} quarantined: {_summary(reasons)}"
        )
        for file, reasons in quarantined.items()
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


def _warnings(case: UseCase, period: Period, row_counts: Mapping[str, RowCounts]) -> list[Alert]:
    return [
        _alert(case, period, WARNING, table, "; ".join(finding.describe() for finding in each.warnings))
        for table, each in row_counts.items()
        if each.warnings
    ]


def _alert(case: UseCase, period: Period, kind: str, subject: str, message: str) -> Alert:
    return Alert(use_case=case.name, night=period.last, kind=kind, subject=subject, message=message)


def _summary(reasons: Mapping[str, int]) -> str:
    parts = [f"{reason} ({count})" for reason, count in list(reasons.items())[:_REASONS_SHOWN]]
    remaining = len(reasons) - _REASONS_SHOWN
    return ", ".join(parts) + (f" and {remaining} other reasons" if remaining > 0 else "")


def _record(
    context: StepContext,
    period: Period,
    files: Sequence[FileRevision],
    quarantined: Mapping[str, Mapping[str, int]],
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
        quarantined={file: sum(reasons.values()) for file, reasons in quarantined.items()},
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
