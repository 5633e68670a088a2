"""Quarantine: list the quarantined rows and files, and validate them again after a fix of the contract or of a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from include.steps.context import StepContext
from include.steps.ingest import nightly, tables
from include.stores import lake, warehouse
from include.stores.warehouse import FileRevision, FileStatus
from ml.ingestion import masking
from ml.ingestion.intake import FILE, LINE, REASONS, TEXT
from ml.ingestion.validation import reasons
from ml.usecase import Table, UseCase
from ml.usecase import periods as period_text
from ml.usecase.periods import Period

COLUMNS = ("night", "table", FILE, LINE, REASONS, TEXT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reprocessed:
    """A period that was validated again: the number of its rows in quarantine before and after."""

    period: str
    before: int
    after: int

    @property
    def has_recovered(self) -> bool:
        """Whether rows became valid; they have features now, but no scores yet."""
        return self.after < self.before


def list_files(use_case: str, first: date | None = None, last: date | None = None) -> tuple[FileRevision, ...]:
    """Return the files that are quarantined in part or as a whole, for periods that overlap `first` to `last`."""
    context = StepContext.load_data(use_case)
    files = warehouse.files(context.engine, context.case.name)
    return tuple(
        each for each in files if _is_quarantined(each) and _lies_within(period_text.parse(each.period), first, last)
    )


def rows(use_case: str, period: str, table: str | None = None, *, show_personal: bool = False) -> pd.DataFrame:
    """Return the quarantined rows of `period`, of one table or all: night, table, file, line, reasons, text.

    Unless `show_personal`, personal cells of the text are masked; in tables with personal columns, reasons have no
    values, and a row that breaks a rule of a column shows no cell.
    """
    context = StepContext.load_data(use_case)
    span = context.case.schedule.parse(period)
    frames = []
    for each in [context.case.table(table)] if table else context.case.tables:
        uri = lake.address(context.settings.lake, context.case.name, "quarantine", each.name)
        quarantined = lake.read(uri, str(span.first), str(span.last)).reindex(columns=list(COLUMNS))
        frames.append(quarantined if show_personal else _masked(context.case, each, quarantined))
    return pd.concat([each for each in frames if len(each)] or frames[:1], ignore_index=True).astype({LINE: "int64"})


def _masked(case: UseCase, table: Table, quarantined: pd.DataFrame) -> pd.DataFrame:
    """Return the rows without personal cells, and without values in reasons, which may be those of shifted cells."""
    columns = tables.declared_columns(case, table).names
    return masking.mask_quarantined(quarantined, tables.hidden_columns(case, table), columns)


def describe_reason(use_case: str, file: FileRevision) -> str:
    """Return why `file` is quarantined, or else the most common reason of its quarantined rows, with their number."""
    if file.reason or not file.rows_quarantined:
        return file.reason
    context = StepContext.load_data(use_case)
    last_night = str(context.case.schedule.parse(file.period).last)
    uri = lake.address(context.settings.lake, context.case.name, "quarantine", file.source_table)
    quarantined = lake.read(uri, last_night, last_night, columns=[FILE, REASONS])
    table = context.case.table(file.source_table)
    kinds = reasons.count_kinds(
        quarantined.loc[quarantined[FILE] == file.name, REASONS],
        show_values=not tables.hidden_columns(context.case, table),
    )
    return reasons.summarize(kinds)


def reprocess(use_case: str, first: date | None = None, last: date | None = None) -> tuple[Reprocessed, ...]:
    """Validate the periods with quarantined rows or files again, with the current contract and files.

    Features and labels follow, also those of later nights; published scores stay as they are.
    """
    context = StepContext.load_data(use_case)
    periods = dict.fromkeys(each.period for each in list_files(use_case, first, last))
    return tuple(_reprocess(context, period) for period in periods)


def describe_unscored(use_case: str, reprocessed: Sequence[Reprocessed]) -> str:
    """Return a sentence on what is left to do after `reprocess`; "" when no row became valid."""
    recovered = [each.period for each in reprocessed if each.has_recovered]
    if not recovered:
        return ""
    return (
        f"recovered rows have features and labels, but no scores yet: trigger the DAG {use_case}_score for "
        f"{', '.join(recovered)} to publish them; published scores stay as they are"
    )


def _reprocess(context: StepContext, period: str) -> Reprocessed:
    before = _count(context, period)
    nightly.run(context.case.name, period)
    return Reprocessed(period=period, before=before, after=_count(context, period))


def _count(context: StepContext, period: str) -> int:
    engine = context.engine
    return sum(each.rows_quarantined for each in warehouse.files(engine, context.case.name, period))


def is_fully_quarantined(file: FileRevision) -> bool:
    """Return whether nothing of `file` was ingested, because it breaks its table's contract or belongs to no table."""
    return file.status in (FileStatus.QUARANTINED, FileStatus.UNKNOWN_TABLE)


def _is_quarantined(file: FileRevision) -> bool:
    return file.rows_quarantined > 0 or is_fully_quarantined(file)


def _lies_within(period: Period, first: date | None, last: date | None) -> bool:
    return (first is None or period.last >= first) and (last is None or period.first <= last)
