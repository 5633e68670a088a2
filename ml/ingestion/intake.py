"""Ingestion of all files of a table: every row ends up valid or quarantined, with its file and line.

Long tables are ingested chunk by chunk (`ml/ingestion/chunks.py`), with one call for each chunk.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pandera.pandas as pa

from ml.errors import DataError
from ml.governance import privacy
from ml.ingestion import availability, validation
from ml.ingestion.validation import SeenKeys, ValidationResult, Violation
from ml.ingestion.validation.reasons import WHOLE_FILE, with_value
from ml.usecase import Night, Reference, Table
from ml.usecase.periods import Period

FILE, LINE, REASONS, TEXT = "file", "line", "reasons", "text"


@dataclass(frozen=True, kw_only=True, slots=True)
class FilePart:
    """A file of a table, or a piece of a file.

    `rows` has the lines that match the header, all cells as text. `malformed` has the other lines, with the columns
    `text` and `reasons`. Both are indexed by line number, in ascending order.
    """

    file: str
    rows: pd.DataFrame
    malformed: pd.DataFrame

    @property
    def row_count(self) -> int:
        """The number of rows, well-formed and malformed."""
        return len(self.rows) + len(self.malformed)

    def split(self, count: int) -> "tuple[FilePart, FilePart]":
        """Return the first `count` rows and the remaining rows."""
        lines = np.sort(np.concatenate([self.rows.index, self.malformed.index]))
        row_split, malformed_split = (
            int(each.index.searchsorted(lines[count])) for each in (self.rows, self.malformed)
        )
        return (
            replace(self, rows=self.rows.iloc[:row_split], malformed=self.malformed.iloc[:malformed_split]),
            replace(self, rows=self.rows.iloc[row_split:], malformed=self.malformed.iloc[malformed_split:]),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestResult:
    """The result of ingesting a table, or a chunk of one.

    `valid` has typed rows with availability and night. `quarantined` has the columns file, line, reasons and text.
    `row_files` has the file of each valid row. `refused_files` has the files that were quarantined as a whole, each
    with the reason. `broken_rule` is the rule of the table that the rows break; all other chunks of the table must then
    be refused too.
    """

    rows_in: int
    valid: pd.DataFrame
    row_files: pd.Series
    quarantined: pd.DataFrame
    refused_files: Mapping[str, str]
    broken_rule: str = ""
    warnings: tuple[Violation, ...] = ()

    def __post_init__(self) -> None:
        if self.rows_in != len(self.valid) + len(self.quarantined):
            raise DataError(
                f"{self.rows_in} rows came in, {len(self.valid)} valid and {len(self.quarantined)} quarantined go out; "
                "this is a bug in the ingestion, nothing was written"
            )


def ingest_table(
    parts: Sequence[FilePart],
    table: Table,
    model: type[pa.DataFrameModel],
    schedule: Night,
    period: Period,
    referenced_rows: Mapping[Reference, pd.DataFrame],
    hidden: Collection[str] = (),
    seen_keys: SeenKeys | None = None,
) -> IngestResult:
    """Return the rows of all `parts` of `table`, each valid or quarantined.

    If two parts have rows with the same key, the row of the later part is kept.
    `referenced_rows` has the rows that each reference of the table may refer to. Values of `hidden` columns do not
    appear in reasons; if there are any, names of columns that are not in the contract do not either. `seen_keys` has
    the keys of the chunks before, which come from later parts or earlier lines.
    """
    mismatched_files = _column_mismatches(parts, model, hidden)
    raw, origin = _concatenate_rows([part for part in parts if part.file not in mismatched_files], model)
    if raw.empty and seen_keys is not None:  # rules of a table are not applied to an empty chunk
        return _assemble_result(parts, mismatched_files, origin, _quarantine_all(raw, ""))
    try:
        checked = validation.check(
            raw,
            model,
            table.key,
            missing=table.missing,
            never=table.never,
            form=table.csv,
            masked=hidden,
            seen_keys=seen_keys,
        )
        checked = _with_availability(checked, raw, table, schedule, period)
        for reference in table.references:
            checked = _check_reference(checked, raw, reference, referenced_rows[reference], hidden)
    except DataError as error:
        return replace(refuse_table(parts, model, str(error), hidden), broken_rule=str(error))
    return _assemble_result(parts, mismatched_files, origin, checked)


def refuse_table(
    parts: Sequence[FilePart], model: type[pa.DataFrameModel], broken_rule: str, hidden: Collection[str] = ()
) -> IngestResult:
    """Return the rows of all `parts` quarantined, because the whole table is refused."""
    mismatched_files = _column_mismatches(parts, model, hidden)
    raw, origin = _concatenate_rows([part for part in parts if part.file not in mismatched_files], model)
    result = _assemble_result(parts, mismatched_files, origin, _quarantine_all(raw, broken_rule))
    return replace(result, refused_files={**mismatched_files, **dict.fromkeys(origin[FILE].unique(), broken_rule)})


def _quarantine_all(raw: pd.DataFrame, broken_rule: str) -> ValidationResult:
    return ValidationResult(
        rows_in=len(raw), valid=raw.iloc[:0], quarantined=raw.assign(reasons=f"{WHOLE_FILE}: {broken_rule}")
    )


def _assemble_result(
    parts: Sequence[FilePart], mismatched_files: Mapping[str, str], origin: pd.DataFrame, checked: ValidationResult
) -> IngestResult:
    quarantined_frames = [
        _contract_rows(checked.quarantined, origin),
        *(_mismatched_file_rows(part, mismatched_files) for part in parts),
        *map(_malformed_rows, parts),
    ]
    return IngestResult(
        rows_in=sum(part.row_count for part in parts),
        valid=checked.valid,
        row_files=origin.loc[checked.valid.index, FILE],
        quarantined=pd.concat(quarantined_frames, ignore_index=True).sort_values([FILE, LINE], ignore_index=True),
        refused_files=mismatched_files,
        warnings=checked.warnings,
    )


def _column_mismatches(
    parts: Sequence[FilePart], model: type[pa.DataFrameModel], hidden: Collection[str]
) -> dict[str, str]:
    """Return the files whose columns do not match the contract, each with the reason."""
    mismatched_files = {}
    for part in parts:
        try:
            validation.check_columns(list(part.rows.columns), model, hidden)
        except DataError as error:
            mismatched_files[part.file] = str(error)
    return mismatched_files


def _concatenate_rows(parts: Sequence[FilePart], model: type[pa.DataFrameModel]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of all parts, the last part first, and the file and line of each row."""
    columns = list(dict.fromkeys(name for part in parts for name in part.rows)) or list(model.to_schema().columns)
    nonempty_parts = [part for part in reversed(parts) if len(part.rows)]
    if not nonempty_parts:
        return pd.DataFrame(columns=columns, dtype=str), pd.DataFrame({FILE: [], LINE: []}, dtype=object)
    frames = [part.rows.reindex(columns=columns, fill_value="") for part in nonempty_parts]
    origins = [pd.DataFrame({FILE: part.file, LINE: part.rows.index}) for part in nonempty_parts]
    return pd.concat(frames, ignore_index=True), pd.concat(origins, ignore_index=True)


def _with_availability(
    checked: ValidationResult, raw: pd.DataFrame, table: Table, schedule: Night, period: Period
) -> ValidationResult:
    """Return the rows with availability and night; rows that are not acceptable for the period are quarantined."""
    available = availability.assign_nights(checked.valid, table, schedule, period)
    return validation.quarantine(replace(checked, valid=available.rows), raw, available.refusal_reasons)


def _check_reference(
    checked: ValidationResult,
    raw: pd.DataFrame,
    reference: Reference,
    referenced_rows: pd.DataFrame,
    hidden: Collection[str],
) -> ValidationResult:
    """Return the rows with a quarantine or a warning, as declared, for those that refer to a missing row."""
    keys = checked.valid[list(reference.columns)]
    known_keys = pd.MultiIndex.from_frame(referenced_rows[list(reference.referenced_columns)])
    is_unmatched = keys.notna().all(axis=1) & ~pd.MultiIndex.from_frame(keys).isin(known_keys)
    unmatched_values = (
        keys[is_unmatched].astype(str).agg(", ".join, axis=1) if is_unmatched.any() else pd.Series(dtype=object)
    )
    if set(reference.columns) & set(hidden):
        unmatched_values = unmatched_values.map(lambda _: privacy.MASKED)
    reason = f"{', '.join(reference.columns)}: expected one that is in {reference.table}"
    if reference.on_missing == "quarantine":
        row_reasons = unmatched_values.map(lambda value: with_value(reason, value))
        return validation.quarantine(checked, raw, row_reasons.reindex(keys.index, fill_value=""))
    if not is_unmatched.any():
        return checked
    finding = Violation(row_labels=tuple(unmatched_values.index), reason=reason, values=tuple(unmatched_values))
    return replace(checked, warnings=(*checked.warnings, finding))


def _contract_rows(quarantined: pd.DataFrame, origin: pd.DataFrame) -> pd.DataFrame:
    return _quarantine_frame(
        origin.loc[quarantined.index], _rows_as_json(quarantined.drop(columns=REASONS)), quarantined[REASONS]
    )


def _mismatched_file_rows(part: FilePart, mismatched_files: Mapping[str, str]) -> pd.DataFrame:
    rows = part.rows if part.file in mismatched_files else part.rows.iloc[:0]
    origin = pd.DataFrame({FILE: part.file, LINE: rows.index}, rows.index)
    return _quarantine_frame(
        origin, _rows_as_json(rows), pd.Series(f"{WHOLE_FILE}: {mismatched_files.get(part.file)}", rows.index)
    )


def _malformed_rows(part: FilePart) -> pd.DataFrame:
    origin = pd.DataFrame({FILE: part.file, LINE: part.malformed.index}, part.malformed.index)
    return _quarantine_frame(origin, part.malformed[TEXT], part.malformed[REASONS])


def _quarantine_frame(origin: pd.DataFrame, texts: pd.Series, reasons: pd.Series) -> pd.DataFrame:
    rows = pd.DataFrame({FILE: origin[FILE], LINE: origin[LINE], REASONS: reasons, TEXT: texts}, origin.index)
    return rows.astype({FILE: object, LINE: "int64", REASONS: object, TEXT: object})


def _rows_as_json(rows: pd.DataFrame) -> pd.Series:
    """Return each row as JSON, with its cells as they were received."""
    columns = list(rows.columns)
    texts = [json.dumps(dict(zip(columns, row, strict=True))) for row in rows.itertuples(index=False)]
    return pd.Series(texts, rows.index, dtype=object)
