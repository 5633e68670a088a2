"""Ingest: every row of a period's files becomes either valid or quarantined."""

import tempfile
from pathlib import Path

from include import usecases
from include.steps.context import StepContext
from include.steps.ingest import files, labels, reporting, tables
from include.stores import landing
from include.stores.landing import Location
from include.usecases import coherence
from ml.errors import DataError, FileError
from ml.usecase.periods import Period


def ingest(use_case: str, period: str) -> dict[str, int]:
    """Ingest the files of `period` and return the numbers of rows in, valid and quarantined.

    A file that breaks the contract is quarantined as a whole, a file that was ingested for an earlier night is skipped,
    and the others are ingested. Raises RequestError for an invalid period, DeclarationError when the use case
    contradicts itself, and DataError when the file of a required table is missing.
    """
    context = StepContext.load_data(use_case)
    parsed_period = context.case.schedule.parse(period)
    coherence.check(context.case)
    location = landing.period_location(context.settings.landing, context.case.name, parsed_period)
    _fetch_from_source(context, parsed_period, location)
    with tempfile.TemporaryDirectory() as scratch:
        period_files = files.scan(context, parsed_period, location, Path(scratch))
        written = {
            table.name: tables.ingest(context, table, period_files.readable_new_files(table), parsed_period)
            for table in tables.in_dependency_order(context.case)
        }
    row_counts = {name: each.row_counts for name, each in written.items()}
    label_match = labels.update(context, parsed_period)
    file_records = files.record(context, parsed_period, period_files, row_counts)
    versions = {name: each.version for name, each in written.items()}
    reporting.report(context, parsed_period, file_records, row_counts, versions, label_match)
    for stale_period in files.stale_periods(context, parsed_period):
        ingest(use_case, stale_period)
    return {
        "rows_in": sum(each.rows_in for each in row_counts.values()),
        "rows_valid": sum(each.rows_valid for each in row_counts.values()),
        "rows_quarantined": sum(each.rows_quarantined for each in row_counts.values()),
    }


def _fetch_from_source(context: StepContext, period: Period, location: Location) -> None:
    """Let the source module of the use case, if it has one, land the files that are missing."""
    if not usecases.has_module(context.case.name, "source"):
        return
    source, data = usecases.module(context.case.name, "source"), context.settings.data / context.case.name
    if isinstance(location, landing.Folder):
        try:
            location.ensure_exists()
        except FileError:  # it is no folder; listing its files says so
            return
        with usecases.translate_errors(context.case.name, DataError):
            source.land(location.path, period, data)
        return
    with tempfile.TemporaryDirectory() as folder:
        with usecases.translate_errors(context.case.name, DataError):
            source.land(Path(folder), period, data)
        existing = set(location.entries())
        for path in sorted(Path(folder).iterdir()):
            if path.name not in existing:
                location.put(path.name, path.read_bytes())
