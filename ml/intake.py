"""A table's files taken together: every row of every file ends valid or quarantined, with its file and line."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd
import pandera.pandas as pa

from ml import arrival, privacy, validation
from ml.errors import DataError
from ml.nights import Period
from ml.usecase import Night, Reference, Table
from ml.validation import Checked, Finding

FILE, LINE, REASONS, TEXT = "file", "line", "reasons", "text"
WHOLE = "the whole file"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One file of a table: `rows` that fit its header (text, indexed by line) and `malformed` ones (text, reasons)."""

    file: str
    rows: pd.DataFrame
    malformed: pd.DataFrame


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A table's `valid` rows, typed, with `known_at` and `night`; `quarantined` with file, line, reasons and text.

    `files` has the file of each valid row; `refused` the files that were quarantined whole, and why.
    """

    rows_in: int
    valid: pd.DataFrame
    files: pd.Series
    quarantined: pd.DataFrame
    refused: Mapping[str, str]
    warnings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        if self.rows_in != len(self.valid) + len(self.quarantined):
            raise DataError(
                f"{self.rows_in} rows came in, {len(self.valid)} valid and {len(self.quarantined)} quarantined go out; "
                "this is a fault of the intake, nothing was written"
            )


def take(
    parts: Sequence[Part],
    table: Table,
    model: type[pa.DataFrameModel],
    horizon: Night,
    period: Period,
    known: Mapping[Reference, pd.DataFrame],
    hidden: Collection[str] = (),
) -> Taken:
    """Return the rows of all `parts` of `table`, divided; where two parts have the same key, the later part's row stays.

    `known` has, for each reference of the table, the rows it refers to. Values of the columns in `hidden` appear in no
    reason.
    """
    misnamed = _misnamed(parts, model)
    raw, origin = _gathered([part for part in parts if part.file not in misnamed], model)
    try:
        checked = validation.check(raw, model, table.key, missing=table.missing, hidden=hidden)
        checked = _placed(checked, raw, table, horizon, period)
        for reference in table.references:
            checked = _referred(checked, raw, reference, known[reference], hidden)
        broken: dict[str, str] = {}
    except DataError as fault:
        broken = dict.fromkeys(origin[FILE].unique(), str(fault))
        checked = Checked(rows_in=len(raw), valid=raw.iloc[:0], quarantined=raw.assign(reasons=f"{WHOLE}: {fault}"))
    held = [_held(checked.quarantined, origin), *(_kept_out(part, misnamed) for part in parts), *map(_malformed, parts)]
    return Taken(
        rows_in=sum(len(part.rows) + len(part.malformed) for part in parts),
        valid=checked.valid,
        files=origin.loc[checked.valid.index, FILE],
        quarantined=pd.concat(held, ignore_index=True).sort_values([FILE, LINE], ignore_index=True),
        refused=misnamed | broken,
        warnings=checked.warnings,
    )


def _misnamed(parts: Sequence[Part], model: type[pa.DataFrameModel]) -> dict[str, str]:
    """Return the parts whose columns are not the contract's, and why."""
    misnamed = {}
    for part in parts:
        try:
            validation.check_columns(list(part.rows.columns), model)
        except DataError as fault:
            misnamed[part.file] = str(fault)
    return misnamed


def _gathered(parts: Sequence[Part], model: type[pa.DataFrameModel]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of all parts, those of the last part first, and the file and line of each."""
    columns = list(dict.fromkeys(name for part in parts for name in part.rows)) or list(model.to_schema().columns)
    frames = [part.rows.reindex(columns=columns, fill_value="") for part in reversed(parts)]
    origins = [pd.DataFrame({FILE: part.file, LINE: part.rows.index}) for part in reversed(parts)]
    none = pd.DataFrame(columns=columns, dtype=str), pd.DataFrame({FILE: [], LINE: []}, dtype=object)
    if not parts:
        return none
    return pd.concat(frames, ignore_index=True), pd.concat(origins, ignore_index=True)


def _placed(checked: Checked, raw: pd.DataFrame, table: Table, horizon: Night, period: Period) -> Checked:
    """Return the rows with `known_at` and `night`, those that may not come refused."""
    arrived = arrival.place(checked.valid, table, horizon, period)
    return validation.refuse(replace(checked, valid=arrived.rows), raw, arrived.refused)


def _referred(
    checked: Checked, raw: pd.DataFrame, reference: Reference, known: pd.DataFrame, hidden: Collection[str]
) -> Checked:
    """Return the rows without those (or with a warning about those) that refer to what is not there."""
    asked = checked.valid[list(reference.columns)]
    there = pd.MultiIndex.from_frame(known[list(reference.there)])
    lacking = asked.notna().all(axis=1) & ~pd.MultiIndex.from_frame(asked).isin(there)
    told = asked[lacking].astype(str).agg(", ".join, axis=1) if lacking.any() else pd.Series(dtype=object)
    if set(reference.columns) & set(hidden):
        told = told.map(lambda _: privacy.HIDDEN)
    reason = f"{', '.join(reference.columns)}: expected one that is in {reference.table}"
    if reference.otherwise == "quarantine":
        return validation.refuse(checked, raw, (reason + ", got " + told).reindex(asked.index, fill_value=""))
    if not lacking.any():
        return checked
    finding = Finding(lines=tuple(told.index), reason=reason, values=tuple(told))
    return replace(checked, warnings=(*checked.warnings, finding))


def _held(quarantined: pd.DataFrame, origin: pd.DataFrame) -> pd.DataFrame:
    return _rows(origin.loc[quarantined.index], _texts(quarantined.drop(columns=REASONS)), quarantined[REASONS])


def _kept_out(part: Part, misnamed: Mapping[str, str]) -> pd.DataFrame:
    rows = part.rows if part.file in misnamed else part.rows.iloc[:0]
    origin = pd.DataFrame({FILE: part.file, LINE: rows.index}, rows.index)
    return _rows(origin, _texts(rows), pd.Series(f"{WHOLE}: {misnamed.get(part.file)}", rows.index))


def _malformed(part: Part) -> pd.DataFrame:
    origin = pd.DataFrame({FILE: part.file, LINE: part.malformed.index}, part.malformed.index)
    return _rows(origin, part.malformed[TEXT], part.malformed[REASONS])


def _rows(origin: pd.DataFrame, texts: pd.Series, reasons: pd.Series) -> pd.DataFrame:
    rows = pd.DataFrame({FILE: origin[FILE], LINE: origin[LINE], REASONS: reasons, TEXT: texts}, origin.index)
    return rows.astype({FILE: object, LINE: "int64", REASONS: object, TEXT: object})


def _texts(rows: pd.DataFrame) -> pd.Series:
    """Return each row as JSON, its cells as they came."""
    columns = list(rows.columns)
    texts = [json.dumps(dict(zip(columns, row, strict=True))) for row in rows.itertuples(index=False)]
    return pd.Series(texts, rows.index, dtype=object)
