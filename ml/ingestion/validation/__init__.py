"""Data validation: divide rows of text into rows that satisfy the contract and quarantined rows, without losing any.

Contracts are native pandera models. Each cell is received as text and cast to the type of the contract; no type is
inferred. A quarantined row keeps its text and gets its reasons. A violated rule has one of three outcomes: rows are
quarantined, the whole table is refused, or a warning is given and all rows are kept.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd
import pandera.pandas as pa

from ml.errors import DataError
from ml.ingestion.declared_columns import list_names
from ml.ingestion.validation import parsing
from ml.ingestion.validation.contract import Contract, Violation
from ml.ingestion.validation.parsing import ParsedColumn
from ml.ingestion.validation.reasons import Reasons
from ml.ingestion.validation.uniqueness import SeenKeys, find_duplicates
from ml.usecase import CsvFormat

__all__ = ["SeenKeys", "ValidationResult", "Violation", "check", "check_columns", "quarantine"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidationResult:
    """The rows of a table, with their index: `valid` ones typed, `quarantined` ones as text with a column `reasons`."""

    rows_in: int
    valid: pd.DataFrame
    quarantined: pd.DataFrame
    warnings: tuple[Violation, ...] = ()

    def __post_init__(self) -> None:
        if self.rows_in != len(self.valid) + len(self.quarantined):
            raise DataError(
                f"{self.rows_in} rows came in, but {len(self.valid)} valid and {len(self.quarantined)} quarantined "
                "rows go out: this is a bug in the validation, nothing was written"
            )


def check(
    raw: pd.DataFrame,
    model: type[pa.DataFrameModel],
    key: tuple[str, ...],
    *,
    missing: tuple[str, ...] = ("",),
    never: tuple[str, ...] = (),
    form: CsvFormat = CsvFormat(),
    masked: Collection[str] = (),
    seen_keys: SeenKeys | None = None,
) -> ValidationResult:
    """Return the rows of `raw` (text) that satisfy the contract `model`, and those that do not.

    Of rows with the same key, the first is kept. `missing` has the texts that stand for an empty cell, and `never`
    those that stand for an instant or a date that never comes; `form` says how the cells are written. Values of the `masked` columns do not appear in reasons.
    The chunks of a long table are checked with the same `seen_keys`. Raises DataError if no row can be validated: the
    columns do not match the contract, or a rule refuses the whole table.
    """
    contract = Contract(model, masked)
    left_out = check_columns(list(raw.columns), model, masked)
    reasons = Reasons()
    typed = _parse_columns(raw, contract, partial(parsing.parse, missing=missing, never=never, form=form), reasons)
    good = _to_contract_types(_drop_failed(typed, reasons), contract)
    for finding in contract.find_violations(good, seen_keys):
        if not finding.row_labels:
            raise DataError(f"the table as a whole breaks its contract: {finding.reason}")
        reasons.add_violation(finding)
    good = _drop_failed(good, reasons)
    rule = f"repeats the key ({', '.join(key)}) of a row that was kept"
    reasons.add_to_rows(find_duplicates(good[list(key)], rule, seen_keys), rule)
    valid = _drop_failed(good, reasons)
    bad = raw[raw.index.isin(reasons.rows)]
    return ValidationResult(
        rows_in=len(raw),
        valid=valid,
        quarantined=bad.assign(reasons=[reasons.join(row) for row in bad.index]),
        warnings=(*left_out, *contract.find_warnings(valid)),
    )


def check_columns(
    names: list[str], model: type[pa.DataFrameModel], masked: Collection[str] = ()
) -> tuple[Violation, ...]:
    """Return a warning about columns that are not in the contract, if it is not strict.

    Raises DataError if columns are missing, or if a strict contract does not have them. If there are `masked` columns,
    names that are not in the contract are counted and not shown: without a header they are the first row.
    """
    schema, received = model.to_schema(), set(names)
    lacking = [name for name, column in schema.columns.items() if column.required and name not in received]
    extra = [name for name in names if name not in schema.columns]
    unshown = f"{len(extra):,} (not shown, because the table has personal columns)" if extra and masked else ""
    if lacking or (extra and schema.strict is True):
        raise DataError(
            f"expected the columns {list(schema.columns)}; missing: {lacking or 'none'}, not in the contract: "
            f"{unshown or list_names(extra)}. Correct the file, or change the contract if the source has changed"
        )
    if not extra or schema.strict == "filter":
        return ()
    shown = unshown or list_names(extra, quoted=False)
    return (Violation(reason=f"columns that are not in the contract were left out: {shown}"),)


def quarantine(result: ValidationResult, raw: pd.DataFrame, row_reasons: "pd.Series[str]") -> ValidationResult:
    """Return `result` with those valid rows quarantined whose reason in `row_reasons` (same index) is not empty."""
    refused = row_reasons[row_reasons != ""]
    if refused.empty:
        return result
    return replace(
        result,
        valid=result.valid.drop(index=refused.index),
        quarantined=pd.concat([result.quarantined, raw.loc[refused.index].assign(reasons=refused)]).sort_index(),
    )


def _parse_columns(
    raw: pd.DataFrame, contract: Contract, parse: Callable[[pd.Series, str], ParsedColumn], reasons: Reasons
) -> pd.DataFrame:
    """Return the columns of the contract, parsed as their types; an optional column that is absent is empty."""
    columns = {}
    for name, dtype in contract.types.items():
        cells = parse(raw[name] if name in raw else pd.Series("", raw.index), dtype)
        if name in raw:
            reasons.add_cell_faults(name, cells, contract, raw.index)
        columns[name] = cells.to_series(raw.index)
    return pd.DataFrame(columns, raw.index)


def _drop_failed(rows: pd.DataFrame, reasons: Reasons) -> pd.DataFrame:
    return rows[~rows.index.isin(reasons.rows)] if reasons.rows else rows


def _to_contract_types(rows: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return `rows`, none of whose cells is refused, in the types of the contract."""
    return pd.DataFrame({name: contract.to_stored(name, rows[name]) for name in contract.types}, rows.index)
