"""Read JSON lines: one flat object per line, every value as the text that is written there."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import IO, Any

import pandas as pd

from include.stores.landing import rows
from include.stores.landing.rows import Rows
from ml.errors import DataError

Object = dict[str, str]
_BOM, _PARSED = b"\xef\xbb\xbf", 50_000


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that is not blank: its number, its text, and its object, or the reason why it has none."""

    number: int
    text: str
    parsed: Object | str


def read(file: IO[bytes], max_rows: int) -> Iterator[Rows]:
    """Yield the rows of JSON lines in batches of at most `max_rows`.

    The columns are the names that at least half of the objects have; an absent name is an empty cell. Raises DataError
    when the file has no lines.
    """
    parsed = _parse_batches(file, min(max_rows, _PARSED))
    first, second = next(parsed), next(parsed, None)
    if second is None:  # a short file is parsed once, a long one a first time for its columns
        yield _rows(first, _columns([first]))
        return
    columns = _columns(chain([first, second], parsed))
    yield from (_rows(lines, columns) for lines in _parse_batches(file, min(max_rows, _PARSED)))


def _parse_batches(file: IO[bytes], max_rows: int) -> Iterator[list[_Line]]:
    file.seek(0)
    file.seek(len(_BOM) if file.read(len(_BOM)) == _BOM else 0)
    number = 0
    for batch in rows.batches(iter(file), max_rows, b"".join):
        lines = batch.decode(errors="replace").splitlines()
        yield [_Line(at, line, _object(line)) for at, line in enumerate(lines, number + 1) if line.strip()]
        number += len(lines)


def _rows(lines: list[_Line], columns: list[str]) -> Rows:
    faults, well_formed = [], []
    for line in lines:
        unexpected = sorted(set(line.parsed) - set(columns)) if isinstance(line.parsed, dict) else []
        if isinstance(line.parsed, str):
            faults.append((line.number, line.text, line.parsed))
        elif unexpected:
            faults.append((line.number, line.text, f"expected the names {columns}, got also {unexpected}"))
        else:
            well_formed.append((line.number, [line.parsed.get(name, "") for name in columns]))
    frame = pd.DataFrame([cells for _, cells in well_formed], [number for number, _ in well_formed], columns, dtype=str)
    return Rows(well_formed=frame, malformed=rows.malformed(faults))


def _columns(batches: Iterable[list[_Line]]) -> list[str]:
    """Return the names that at least half of the objects have."""
    counted: Counter[str] = Counter()
    lines = objects = 0
    for batch in batches:
        parsed = [line.parsed for line in batch if isinstance(line.parsed, dict)]
        counted.update(name for each in parsed for name in each)
        lines, objects = lines + len(batch), objects + len(parsed)
    if not lines:
        raise DataError("expected lines of JSON, got an empty file")
    return [name for name, count in counted.items() if 2 * count >= objects]


def _object(line: str) -> Object | str:
    """Return the line's names and values as text, or the reason why it is malformed."""
    try:
        parsed = json.loads(line, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_Pairs)
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
