"""JSON lines to text: one flat object a line, every value as it is written."""

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
    """A line that is not blank: its number, its text, and the object on it, or why there is none."""

    number: int
    text: str
    found: Object | str


def read(file: IO[bytes], most: int) -> Iterator[Rows]:
    """Yield the rows of JSON lines, at most `most` at once.

    The columns are the names that most lines of the file have, an absent one is an empty cell. Raises DataError when
    there is no line.
    """
    parsed = _parsed(file, min(most, _PARSED))
    first, second = next(parsed), next(parsed, None)
    if second is None:  # a short file is parsed once, a long one a first time for its columns
        yield _rows(first, _columns([first]))
        return
    columns = _columns(chain([first, second], parsed))
    yield from (_rows(lines, columns) for lines in _parsed(file, min(most, _PARSED)))


def _parsed(file: IO[bytes], most: int) -> Iterator[list[_Line]]:
    file.seek(0)
    file.seek(len(_BOM) if file.read(len(_BOM)) == _BOM else 0)
    number = 0
    for some in rows.batches(iter(file), most, b"".join):
        lines = some.decode(errors="replace").splitlines()
        yield [_Line(at, line, _object(line)) for at, line in enumerate(lines, number + 1) if line.strip()]
        number += len(lines)


def _rows(lines: list[_Line], columns: list[str]) -> Rows:
    faults, fit = [], []
    for line in lines:
        odd = sorted(set(line.found) - set(columns)) if isinstance(line.found, dict) else []
        if isinstance(line.found, str):
            faults.append((line.number, line.text, line.found))
        elif odd:
            faults.append((line.number, line.text, f"expected the names {columns}, got also {odd}"))
        else:
            fit.append((line.number, [line.found.get(name, "") for name in columns]))
    frame = pd.DataFrame([cells for _, cells in fit], [number for number, _ in fit], columns, dtype=str)
    return Rows(fit=frame, malformed=rows.malformed(faults))


def _columns(batches: Iterable[list[_Line]]) -> list[str]:
    """Return the names that half of the objects have."""
    counted: Counter[str] = Counter()
    lines = objects = 0
    for batch in batches:
        found = [line.found for line in batch if isinstance(line.found, dict)]
        counted.update(name for each in found for name in each)
        lines, objects = lines + len(batch), objects + len(found)
    if not lines:
        raise DataError("expected lines of JSON, got an empty file")
    return [name for name, count in counted.items() if 2 * count >= objects]


def _object(line: str) -> Object | str:
    """Return the line's names and values as text, or why it has none."""
    try:
        found = json.loads(line, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as fault:
        return f"expected an object in JSON, got {fault}"
    if not isinstance(found, _Pairs):
        return f"expected an object in JSON, got {type(found).__name__}"
    names = [name for name, _ in found]
    nested = [name for name, value in found if isinstance(value, list)]
    if nested:
        return f"expected flat values, got something nested in {nested[0]!r}"
    if len(set(names)) < len(names):
        return "expected each name once, got one twice"
    cells = {name: _text(value) for name, value in found}
    return rows.fault([*names, *cells.values()]) or cells


class _Pairs(list[tuple[str, Any]]):
    """An object's names and values, in order and with repetitions; a list, as every nested value then is."""


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case _:
            return str(value)
