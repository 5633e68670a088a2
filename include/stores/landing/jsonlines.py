"""JSON lines to text: one flat object a line, every value as it is written."""

import json
from collections import Counter
from typing import Any

import pandas as pd

from include.stores.landing import rows
from include.stores.landing.rows import Rows
from ml.errors import DataError

Object = dict[str, str]


def read(content: bytes) -> Rows:
    """Return the rows of JSON lines; the columns are the names that most lines have, an absent one is an empty cell.

    Raises DataError when there is no line.
    """
    lines = content.decode("utf-8-sig", errors="replace").splitlines()
    read = [(number, line, _object(line)) for number, line in enumerate(lines, 1) if line.strip()]
    if not read:
        raise DataError("expected lines of JSON, got an empty file")
    objects = [(number, found) for number, _, found in read if isinstance(found, dict)]
    columns = _columns([found for _, found in objects])
    odd = {number: sorted(set(found) - set(columns)) for number, found in objects}
    faults = [(number, line, found) for number, line, found in read if isinstance(found, str)]
    faults += [
        (number, line, f"expected the names {columns}, got also {odd[number]}")
        for number, line, _ in read
        if odd.get(number)
    ]
    fit = [(number, found) for number, found in objects if not odd[number]]
    frame = pd.DataFrame(
        [[found.get(name, "") for name in columns] for _, found in fit],
        [number for number, _ in fit],
        columns,
        dtype=str,
    )
    return Rows(fit=frame, malformed=rows.malformed(sorted(faults)))


def _columns(objects: list[Object]) -> list[str]:
    counted = Counter(name for each in objects for name in each)
    return [name for name, count in counted.items() if 2 * count >= len(objects)]


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
