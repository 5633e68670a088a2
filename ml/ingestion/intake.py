"""A table's files taken together: every row of every file ends valid or quarantined, with its file and line.

A table too long to be judged at once is taken stretch by stretch (`ml/ingestion/chunks.py`), each by a call of its own.
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
from ml.ingestion.validation import Checked, Finding, Seen
from ml.periods import Period
from ml.usecase import Night, Reference, Table

FILE, LINE, REASONS, TEXT = "file", "line", "reasons", "text"
WHOLE = "the whole file"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A file of a table, or a piece of it: `rows` that fit its header (text) and `malformed` ones (text, reasons).

    Both are indexed by line, in order.
    """

    file: str
    rows: pd.DataFrame
    malformed: pd.DataFrame

    @property
    def count(self) -> int:
        """How many rows came, of either kind."""
        return len(self.rows) + len(self.malformed)

    def split(self, count: int) -> "tuple[Part, Part]":
        """Return the first `count` rows, and the others."""
        lines = np.sort(np.concatenate([self.rows.index, self.malformed.index]))
        fit, malformed = (int(each.index.searchsorted(lines[count])) for each in (self.rows, self.malformed))
        return (
            replace(self, rows=self.rows.iloc[:fit], malformed=self.malformed.iloc[:malformed]),
            replace(self, rows=self.rows.iloc[fit:], malformed=self.malformed.iloc[malformed:]),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A table's `valid` rows, typed, with `known_at` and `night`; `quarantined` with file, line, reasons and text.

    `files` has the file of each valid row; `refused` the files that were quarantined whole, and why. `broken` says which
    rule of the table these rows break: then all other stretches of it are to be refused.
    """

    rows_in: int
    valid: pd.DataFrame
    files: pd.Series
    quarantined: pd.DataFrame
    refused: Mapping[str, str]
    broken: str = ""
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
    seen: Seen | None = None,
) -> Taken:
    """Return the rows of all `parts` of `table`, divided; where two parts have the same key, the later part's row stays.

    `known` has, for each reference of the table, the rows it refers to. Values of the columns in `hidden` appear in no
    reason. `seen` has the keys of the table's earlier stretches: those of later parts, and of earlier lines.
    """
    misnamed = _misnamed(parts, model)
    raw, origin = _gathered([part for part in parts if part.file not in misnamed], model)
    if raw.empty and seen is not None:  # a rule of the table is not asked of a stretch without a row
        return _taken(parts, misnamed, origin, _refused(raw, ""))
    try:
        checked = validation.check(raw, model, table.key, missing=table.missing, hidden=hidden, seen=seen)
        checked = _placed(checked, raw, table, horizon, period)
        for reference in table.references:
            checked = _referred(checked, raw, reference, known[reference], hidden)
    except DataError as fault:
        return replace(refuse(parts, model, str(fault)), broken=str(fault))
    return _taken(parts, misnamed, origin, checked)


def refuse(parts: Sequence[Part], model: type[pa.DataFrameModel], broken: str) -> Taken:
    """Return the rows of all `parts` quarantined, because the table that they are of is refused as a whole."""
    misnamed = _misnamed(parts, model)
    raw, origin = _gathered([part for part in parts if part.file not in misnamed], model)
    taken = _taken(parts, misnamed, origin, _refused(raw, broken))
    return replace(taken, refused={**misnamed, **dict.fromkeys(origin[FILE].unique(), broken)})


def _refused(raw: pd.DataFrame, broken: str) -> Checked:
    return Checked(rows_in=len(raw), valid=raw.iloc[:0], quarantined=raw.assign(reasons=f"{WHOLE}: {broken}"))


def _taken(parts: Sequence[Part], misnamed: Mapping[str, str], origin: pd.DataFrame, checked: Checked) -> Taken:
    held = [_held(checked.quarantined, origin), *(_kept_out(part, misnamed) for part in parts), *map(_malformed, parts)]
    return Taken(
        rows_in=sum(part.count for part in parts),
        valid=checked.valid,
        files=origin.loc[checked.valid.index, FILE],
        quarantined=pd.concat(held, ignore_index=True).sort_values([FILE, LINE], ignore_index=True),
        refused=misnamed,
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
    there = [part for part in reversed(parts) if len(part.rows)]
    if not there:
        return pd.DataFrame(columns=columns, dtype=str), pd.DataFrame({FILE: [], LINE: []}, dtype=object)
    frames = [part.rows.reindex(columns=columns, fill_value="") for part in there]
    origins = [pd.DataFrame({FILE: part.file, LINE: part.rows.index}) for part in there]
    return pd.concat(frames, ignore_index=True), pd.concat(origins, ignore_index=True)


def _placed(checked: Checked, raw: pd.DataFrame, table: Table, horizon: Night, period: Period) -> Checked:
    """Return the rows with `known_at` and `night`, those that may not come refused."""
    arrived = availability.place(checked.valid, table, horizon, period)
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
