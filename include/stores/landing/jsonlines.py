"""Read JSON lines: one flat object per line, every value as the text that is written there."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import IO, Any, Never

import pandas as pd

from include.stores.landing import rows
from include.stores.landing.rows import Rows
from ml.errors import DataError
from ml.ingestion.declared_columns import ANY_COLUMNS, DeclaredColumns, list_names

Object = dict[str, str]
_PARSED, _MAX_RARE_NAMES = 50_000, 20
_BLANK = " \t\r"


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that is not blank: its number, its text, and its object, or the reason why it has none."""

    number: int
    text: str
    parsed: Object | str


def read(file: IO[bytes], max_rows: int, columns: DeclaredColumns = ANY_COLUMNS) -> Iterator[Rows]:
    """Yield the rows of JSON lines in batches of at most `max_rows`.

    LF or CRLF ends a line. An absent name is an empty cell. The columns are the declared names, and the other names
    that at least half of the objects have. An object with another name than these is malformed; if the contract is not
    strict, the name is left out. Raises DataError when the file has no lines, or is UTF-16.
    """
    parsed = _parse_batches(file, min(max_rows, _PARSED))
    first, second = next(parsed), next(parsed, None)
    if second is None:  # a short file is parsed once, a long one a first time for its columns
        yield _rows(first, _columns([first], columns), columns)
        return
    names = _columns(chain([first, second], parsed), columns)
    yield from (_rows(lines, names, columns) for lines in _parse_batches(file, min(max_rows, _PARSED)))


def _parse_batches(file: IO[bytes], max_rows: int) -> Iterator[list[_Line]]:
    file.seek(rows.text_start(file))
    number = 1
    for batch in rows.batches(iter(file), max_rows, list):
        texts = [line.removesuffix(b"\n").removesuffix(b"\r").decode(errors="replace") for line in batch]
        yield [_Line(at, text, _object(text)) for at, text in enumerate(texts, number) if text.strip(_BLANK)]
        number += len(texts)


def _rows(lines: list[_Line], names: list[str], columns: DeclaredColumns) -> Rows:
    known, shown = set(names), [name for name in names if name in columns.names] or names
    faults, well_formed = [], []
    for line in lines:
        unexpected = line.parsed.keys() - known if isinstance(line.parsed, dict) else set()
        if isinstance(line.parsed, str):
            faults.append((line.number, line.text, line.parsed))
        elif unexpected and columns.strict:
            reason = f"expected the names {list_names(shown)}, got also {list_names(sorted(unexpected))}"
            faults.append((line.number, line.text, reason))
        else:
            well_formed.append((line.number, [line.parsed.get(name, "") for name in names]))
    frame = pd.DataFrame([cells for _, cells in well_formed], [number for number, _ in well_formed], names, dtype=str)
    return Rows(well_formed=frame, malformed=rows.malformed(faults))


def _columns(batches: Iterable[list[_Line]], columns: DeclaredColumns) -> list[str]:
    """Return the names of the columns. A required name that no object has is missing, unless there are no objects."""
    counted: Counter[str] = Counter()
    lines = objects = 0
    for batch in batches:
        parsed = [line.parsed for line in batch if isinstance(line.parsed, dict)]
        counted.update(name for each in parsed for name in each)
        lines, objects = lines + len(batch), objects + len(parsed)
    if not lines:
        raise DataError("expected lines of JSON, got an empty file")
    declared = [name for name in columns.names if name in counted or name in columns.nullable or not objects]
    others = {name: count for name, count in counted.items() if name not in columns.names}
    frequent = [name for name, count in others.items() if 2 * count >= objects]
    if columns.strict:
        return [*declared, *frequent]
    rare = [name for name, count in Counter(others).most_common() if 2 * count < objects]
    return [*declared, *frequent, *rare[:_MAX_RARE_NAMES]]


def _object(line: str) -> Object | str:
    """Return the line's names and values as text, or the reason why it is malformed."""
    try:
        parsed = json.loads(
            line, parse_float=str, parse_int=str, parse_constant=_refuse_constant, object_pairs_hook=_Pairs
        )
    except (ValueError, RecursionError) as fault:
        return f"expected an object in JSON, got {fault}"
    if not isinstance(parsed, _Pairs):
        return f"expected an object in JSON, got {type(parsed).__name__}"
    names = [name for name, _ in parsed]
    nested = [name for name, value in parsed if isinstance(value, list)]
    if nested:
        return f"expected flat values, got something nested in {nested[0]!r}"
    if len(set(names)) < len(names):
        return "expected each name once, got one twice"
    cells = {name: _text(value) for name, value in parsed}
    return rows.fault([*names, *cells.values()]) or cells


def _refuse_constant(literal: str) -> Never:
    """Raise ValueError for NaN and infinities: JSON does not have them, and a text column would store their names."""
    raise ValueError(f"{literal}, write null for a missing value")


class _Pairs(list[tuple[str, Any]]):
    """The names and values of an object, in order and with repetitions. Nested objects and arrays are lists as well."""


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case _:
            return str(value)
