"""Ingest one table of a period: validate it in chunks, derive its columns, and write it in one commit."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from include import usecases
from include.steps.context import StepContext
from include.steps.ingest import stored_keys
from include.stores import lake
from include.stores.files.spool import Spool
from include.stores.landing import ScannedFile
from include.usecases import coherence
from ml import features, targets
from ml.errors import DataError, DeclarationError
from ml.governance import privacy
from ml.ingestion import chunks, intake
from ml.ingestion.declared_columns import DeclaredColumns
from ml.ingestion.intake import FilePart, IngestResult
from ml.ingestion.row_counts import RowCounts
from ml.ingestion.validation import SeenKeys
from ml.usecase import Reference, Table, UseCase
from ml.usecase.periods import Period


def in_dependency_order(case: UseCase) -> list[Table]:
    """Return the tables, each after those that it references."""
    ordered: list[Table] = []

    def add(table: Table) -> None:
        for reference in table.references:
            if reference.table != table.name:
                add(case.table(reference.table))
        if table not in ordered:
            ordered.append(table)

    for each in case.tables:
        add(each)
    return ordered


def declared_columns(case: UseCase, table: Table) -> DeclaredColumns:
    """Return the columns of the table's contract, as the readers of its files need them."""
    return DeclaredColumns.from_model(
        coherence.schema_model(case, table), confidential=bool(hidden_columns(case, table)), table=table
    )


def hidden_columns(case: UseCase, table: Table) -> frozenset[str]:
    """Return the columns whose values must not appear in a reason, which reaches logs, the ledger and pages."""
    inputs = coherence.function_parameters(case)
    return privacy.hidden_columns(table, "logs", inputs) | privacy.hidden_columns(table, "reports", inputs)


@dataclass(frozen=True, kw_only=True, slots=True)
class TableWrite:
    """The row counts of a table, and the version of its valid rows that this write created."""

    row_counts: RowCounts
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Spooled:
    """The validated chunks of a table, on disk until all are validated.

    `broken_rule` is the rule of the whole table that a chunk breaks: all rows must be refused.
    """

    valid: Spool
    quarantined: Spool
    row_counts: RowCounts
    broken_rule: str = ""


def ingest(
    context: StepContext,
    table: Table,
    files: Sequence[ScannedFile],
    period: Period,
    stages: tuple[str, str] = ("valid", "quarantine"),
) -> TableWrite:
    """Validate the rows of `files`, replace the period's rows in the lake by them, and return what was written.

    Valid rows go to the first of `stages`, the others to the second. Readers see all rows or none, in however many
    chunks they are validated. If one chunk breaks a rule of the whole table, all rows are refused.
    """
    stored_keys.check(context, table, period)
    rows = sum(each.count for each in files)
    length, model = chunks.length(rows), coherence.schema_model(context.case, table)
    hidden = hidden_columns(context.case, table)
    known = {each: _referenced_rows(context, each, period) for each in table.references}
    seen = SeenKeys() if length < rows else None
    validate = partial(
        intake.ingest_table,
        table=table,
        model=model,
        schedule=context.case.schedule,
        period=period,
        referenced_rows=known,
        hidden=hidden,
        seen_keys=seen,
    )
    with tempfile.TemporaryDirectory() as folder:
        spooled = _spool(context.case, table, period, files, length, validate, Path(folder, "judged"))
        if spooled.broken_rule:
            refuse = partial(intake.refuse_table, model=model, broken_rule=spooled.broken_rule, hidden=hidden)
            spooled = _spool(context.case, table, period, files, length, refuse, Path(folder, "refused"))
        _assert_conserved(table, rows, spooled)
        valid_uri, quarantine_uri = (
            lake.address(context.settings.lake, context.case.name, stage, table.name) for stage in stages
        )
        version = lake.replace(valid_uri, period, spooled.valid)
        lake.replace(quarantine_uri, period, spooled.quarantined)
    return TableWrite(row_counts=spooled.row_counts, version=version)


def _spool(
    case: UseCase,
    table: Table,
    period: Period,
    files: Sequence[ScannedFile],
    length: int,
    validate: Callable[[list[FilePart]], IngestResult],
    folder: Path,
) -> _Spooled:
    """Return the rows of `files` as `validate` divides them; stops at the first chunk that breaks a table rule."""
    spooled = _Spooled(
        valid=Spool(folder=folder / "valid"), quarantined=Spool(folder=folder / "held"), row_counts=RowCounts.empty()
    )
    for chunk in chunks.split(_read_parts(files, length), length):
        with usecases.translate_errors(case.name):
            result = validate(chunk)
            valid = _derive_columns(case, table, result.valid)
        _check_labels(case, table, valid)
        row_counts = RowCounts.from_result(result, show_values=not hidden_columns(case, table))
        spooled = _Spooled(
            valid=spooled.valid.add(valid),
            quarantined=spooled.quarantined.add(result.quarantined.assign(night=str(period.last), table=table.name)),
            row_counts=spooled.row_counts + row_counts,
            broken_rule=result.broken_rule,
        )
        if result.broken_rule:
            return spooled
    return spooled


def _read_parts(files: Sequence[ScannedFile], max_rows: int) -> Iterator[FilePart]:
    """Yield the rows in the order of validation: the last file first, because a later part supersedes earlier ones."""
    for file in reversed(files):
        for rows in file.batches(max_rows):
            yield FilePart(file=file.name, rows=rows.well_formed, malformed=rows.malformed)


def _assert_conserved(table: Table, rows: int, spooled: _Spooled) -> None:
    if rows != spooled.valid.count + spooled.quarantined.count:
        raise DataError(
            f"{rows} rows of {table.name!r} landed, but {spooled.valid.count} valid and {spooled.quarantined.count} "
            "quarantined rows would be written: this is a bug of the ingestion; nothing was written"
        )


def _derive_columns(case: UseCase, table: Table, valid: pd.DataFrame) -> pd.DataFrame:
    if valid.empty:
        return valid
    functions = coherence.functions(case)
    valid = valid.assign(**{name: features.call_numeric(functions[name], valid) for name in table.derived})
    has_entity_key = set(case.table(case.entities).key) <= set(valid.columns)
    return valid.assign(entity=features.entity_ids(case, valid)) if has_entity_key else valid


def _check_labels(case: UseCase, table: Table, valid: pd.DataFrame) -> None:
    """Raise DeclarationError for labels that the target cannot have, before they are stored."""
    if table.name != case.task.table or valid.empty:
        return
    target, label = targets.target_type(case), valid[case.task.label]
    if invalid := sorted(each for each in set(label.dropna().astype(float)) if not target.is_label(each)):
        words = target.display_names
        shown = privacy.mask_value(case.task.label, f"{invalid[0]:g}", hidden_columns(case, table))
        raise DeclarationError(
            f"expected the label {case.task.label!r} of {table.name!r} to be {words.label_values}, got {shown}: "
            f"fix the function that derives it, or let the contract reject such rows ({words.label_contract})"
        )


def _referenced_rows(context: StepContext, reference: Reference, period: Period) -> pd.DataFrame:
    """Return the rows that `reference` may refer to: those of its table up to the period's last night."""
    uri = lake.address(context.settings.lake, context.case.name, "valid", reference.table)
    return lake.read(uri, last=str(period.last), columns=list(reference.referenced_columns)).drop_duplicates()
