"""Check that each column has the kind that its use needs: a date, an instant, a number or a text."""

from collections.abc import Mapping, Sequence
from typing import Literal

from ml.usecase import AsOf, Column, Delay, Feature, Live, Since, Table, Window

ColumnKind = Literal["date", "instant", "number", "text"]

DESCRIPTIONS: dict[ColumnKind, str] = {
    "date": "a date (Series[pd.Timestamp])",
    "instant": 'an instant (Series[Annotated[pd.DatetimeTZDtype, "ns", "UTC"]])',
    "number": "a number",
    "text": "a text",
}
_NUMBERS = ("float", "int", "uint", "bool")
_DERIVE_REMEDY = "compute one in features.py, add it to the table's derived=, and name it here"
_FUNCTION_REMEDY = "compute a number in features.py, and declare it as a Function"


def from_dtype(dtype: str) -> ColumnKind:
    """Return the kind of a column of `dtype`."""
    if dtype.startswith("datetime64"):
        return "instant" if "UTC" in dtype else "date"
    return "number" if dtype.lower().startswith(_NUMBERS) else "text"


def time_faults(table: Table, kinds: Mapping[str, ColumnKind], lives: Sequence[Live] = ()) -> list[str]:
    """Return a fault for each time column of `table` (night, known_at, event_time, Live.before) of the wrong kind."""
    known_at = table.known_at.after if isinstance(table.known_at, Delay) else table.known_at
    named: list[tuple[str, str | None, ColumnKind]] = [
        ("night", table.night, "date"),
        ("known_at", known_at, "instant"),
        ("event_time", table.event_time, "instant"),
        *(("Live.before", each.before, "instant") for each in lives),
    ]
    return [
        f"table {table.name!r} has {field}={name!r}, which is {DESCRIPTIONS[kinds[name]]}: "
        f"name a column that is {DESCRIPTIONS[wanted]}"
        for field, name, wanted in named
        if name is not None and name in kinds and kinds[name] != wanted
    ]


def feature_faults(feature: Feature, kinds: Mapping[str, ColumnKind]) -> list[str]:
    """Return a fault for each column of the wrong kind that `feature` uses; `kinds` are those of its source table."""
    match feature:
        case Window(column=name, how="mean" | "sum"):
            wanted, named, allowed = "numbers", [name], {"number"}
        case Since(condition=str(name)):
            wanted, named, allowed = "a column that is true or false", [name], {"number"}
        case Column(name):
            wanted, named, allowed = "a number or a category", [name], {"number", "text"}
        case AsOf(columns=names):
            wanted, named, allowed = "numbers or categories", list(names), {"number", "text"}
        case _:
            return []
    return [
        f"the feature {feature!r} needs {wanted}, but {name!r} is {DESCRIPTIONS[kinds[name]]}: "
        + (_FUNCTION_REMEDY if isinstance(feature, Column) else _DERIVE_REMEDY)
        for name in named
        if name in kinds and kinds[name] not in allowed
    ]
