"""The gate at the door: text in, rows that keep the contract and rows that do not out; nothing is lost between.

Contracts are native pandera models. Every cell arrives as text and is cast by the contract's type, so that nothing is
guessed; pandera judges the typed rows, and each failing row keeps its text and gets its reasons.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from ml.errors import DataError


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """A table divided: `valid` typed, `quarantined` as it came (text) with a column `reasons`; same index as the input."""

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
    reasons = pd.Series([[] for _ in range(len(raw))], index=raw.index, dtype=object)
    typed = _cast(raw, schema, reasons)
    _note(reasons, typed.index[typed.duplicated(list(key))], f"repeats the key ({', '.join(key)}) of an earlier row")
    _judge(typed[reasons.str.len() == 0], schema, reasons)
    good = reasons.str.len() == 0
    return Checked(
        rows_in=len(raw),
        valid=typed[good],
        quarantined=raw[~good].assign(reasons=reasons[~good].map("; ".join)),
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


def _note(reasons: pd.Series, rows: Iterable[object], reason: str) -> None:
    for row in rows:
        if reason not in reasons.at[row]:
            reasons.at[row].append(reason)


def _cast(raw: pd.DataFrame, schema: pa.DataFrameSchema, reasons: pd.Series) -> pd.DataFrame:
    typed = {}
    for name, column in schema.columns.items():
        text = raw[name].str.strip()
        dtype = str(column.dtype)
        values, what = _values(text, dtype)
        unreadable = values.isna() & (text != "")
        for row in raw.index[unreadable]:
            _note(reasons, [row], f"{name}: expected {what}, got {raw.at[row, name][:80]!r}")
        typed[name] = values
    return pd.DataFrame(typed, index=raw.index)


def _values(text: pd.Series, dtype: str) -> tuple[pd.Series, str]:
    if dtype == "float64":
        numbers = pd.to_numeric(text.mask(text == ""), errors="coerce").astype(np.float64)
        return numbers.mask(np.isinf(numbers)), "a finite number"
    if dtype.startswith("datetime64[ns, UTC]"):
        instants = pd.to_datetime(text.mask(text == ""), errors="coerce", utc=True, format="ISO8601")
        return instants.dt.as_unit("ns"), "an ISO 8601 instant"
    if dtype.startswith("datetime64"):
        return pd.to_datetime(text.mask(text == ""), errors="coerce", format="%Y-%m-%d"), "a date like 2013-02-08"
    return text.mask(text == "").astype(object), "text"


def _judge(typed: pd.DataFrame, schema: pa.DataFrameSchema, reasons: pd.Series) -> None:
    """Add pandera's findings to `reasons`; a finding about no row in particular refuses the whole table."""
    try:
        schema.validate(typed, lazy=True)
    except SchemaErrors as found:
        cases = found.failure_cases
        for case in cases.drop_duplicates(["column", "check", "index"]).itertuples():
            if case.index is None or pd.isna(case.index):
                raise DataError(f"the table as a whole breaks its contract: {case.check}, got {case.failure_case}") from None
            _note(reasons, [case.index], _sentence(case))


def _sentence(case: "pd.core.frame.NamedTuple") -> str:
    """Return one finding of pandera in a person's words: column, rule, and the value that broke it."""
    if case.schema_context == "DataFrameSchema":
        return str(case.check)
    return f"{case.column}: expected {case.check}, got {case.failure_case}"
