"""The gate at the door: text in, rows that keep the contract and rows that do not out; nothing is lost between.

Contracts are native pandera models. Every cell arrives as text and is cast by the contract's type, so that nothing is
guessed; pandera judges the typed rows, and each failing row keeps its text and gets its reasons.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from ml.errors import DataError

Reasons = dict[int, list[str]]

_SHOWN = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """A table divided: `valid` typed, `quarantined` as it came (text) with a column `reasons`; the input's index."""

    rows_in: int
    valid: pd.DataFrame
    quarantined: pd.DataFrame

    def __post_init__(self) -> None:
        if self.rows_in != len(self.valid) + len(self.quarantined):
            raise DataError(
                f"{self.rows_in} rows came in, but {len(self.valid)} valid and {len(self.quarantined)} quarantined "
                "rows go out: this is a fault of the validation, nothing was written"
            )


def check(raw: pd.DataFrame, model: type[pa.DataFrameModel], key: tuple[str, ...]) -> Checked:
    """Return the rows of `raw` (all text, empty = missing) divided by the contract `model`.

    Raises DataError when the columns are not the contract's, so that no row can be judged.
    """
    schema = model.to_schema()
    _check_columns(list(raw.columns), list(schema.columns))
    reasons: Reasons = {}
    typed = _cast(raw, schema, reasons)
    _judge(typed[~typed.index.isin(list(reasons))], schema, reasons)
    good = typed[~typed.index.isin(list(reasons))]
    _note(reasons, good.index[good.duplicated(list(key))], f"repeats the key ({', '.join(key)}) of an earlier row")
    bad = raw.index.isin(list(reasons))
    return Checked(
        rows_in=len(raw),
        valid=typed[~bad],
        quarantined=raw[bad].assign(reasons=["; ".join(reasons[line]) for line in raw.index[bad]]),
    )


def refuse(checked: Checked, raw: pd.DataFrame, rows: "pd.Series[bool]", reason: str) -> Checked:
    """Return `checked` with those valid `rows` (a mask on `checked.valid`) quarantined for `reason`."""
    refused = raw.loc[checked.valid.index[rows]].assign(reasons=reason)
    return Checked(
        rows_in=checked.rows_in,
        valid=checked.valid[~rows],
        quarantined=pd.concat([checked.quarantined, refused]).sort_index(),
    )


def _check_columns(came: list[str], expected: list[str]) -> None:
    missing = [name for name in expected if name not in came]
    extra = [name for name in came if name not in expected]
    if missing or extra:
        raise DataError(
            f"expected the columns {expected}; missing: {missing or 'none'}, not in the contract: {extra or 'none'}. "
            "Mend the file, or change the contract if the source has changed"
        )


def _note(reasons: Reasons, lines: Iterable[int], reason: str) -> None:
    for line in lines:
        noted = reasons.setdefault(line, [])
        if reason not in noted:
            noted.append(reason)


def _cast(raw: pd.DataFrame, schema: pa.DataFrameSchema, reasons: Reasons) -> pd.DataFrame:
    return pd.DataFrame(
        {name: _column(raw[name], str(column.dtype), reasons) for name, column in schema.columns.items()}
    )


def _column(raw: pd.Series, dtype: str, reasons: Reasons) -> pd.Series:
    """Return a column of text as `dtype`, missing where it cannot be read; each distinct text is read once."""
    codes, levels = pd.factorize(raw)
    text = pd.Series(levels, dtype=object).str.strip()
    values, what = _values(text.mask(text == ""), dtype)
    unreadable = (values.isna() & (text != "")).to_numpy()
    for line, cell in zip(raw.index[unreadable[codes]], raw[unreadable[codes]], strict=True):
        _note(reasons, [line], f"{raw.name}: expected {what}, got {cell[:_SHOWN]!r}")
    return values.take(codes).set_axis(raw.index)


def _values(text: pd.Series, dtype: str) -> tuple[pd.Series, str]:
    if dtype == "float64":
        numbers = pd.to_numeric(text, errors="coerce").astype(np.float64)
        return numbers.mask(np.isinf(numbers)), "a finite number"
    if dtype.startswith("datetime64[ns, UTC]"):
        instants = pd.to_datetime(text, errors="coerce", utc=True, format="ISO8601")
        return instants.dt.as_unit("ns"), "an ISO 8601 instant"
    if dtype.startswith("datetime64"):
        return pd.to_datetime(text, errors="coerce", format="%Y-%m-%d"), "a date like 2013-02-08"
    return text.astype(object), "text"


def _judge(typed: pd.DataFrame, schema: pa.DataFrameSchema, reasons: Reasons) -> None:
    """Add pandera's findings to `reasons`; a finding about no row in particular refuses the whole table."""
    try:
        schema.validate(typed, lazy=True)
    except SchemaErrors as found:
        cases = found.failure_cases
        for case in cases.drop_duplicates(["column", "check", "index"]).itertuples():
            if case.index is None or pd.isna(case.index):
                told = f"{case.check}, got {case.failure_case}"
                raise DataError(f"the table as a whole breaks its contract: {told}") from None
            _note(reasons, [case.index], _sentence(case))


def _sentence(case: Any) -> str:
    """Return one finding of pandera (a row of its failure cases) in a person's words: column, rule, and value."""
    if case.schema_context == "DataFrameSchema":
        return str(case.check)
    if case.check == "not_nullable":
        return f"{case.column}: expected a value, got an empty cell"
    return f"{case.column}: expected {case.check}, got {case.failure_case}"
