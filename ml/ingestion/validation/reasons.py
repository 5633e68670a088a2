"""The reasons why rows are quarantined, by row, in the order in which they were found."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pandas as pd

from ml.arrays import Booleans
from ml.ingestion.validation.contract import Contract, Violation
from ml.ingestion.validation.parsing import ParsedColumn

_AND, _GOT = "; ", ", got "


class Reasons:
    """The reasons of each row."""

    def __init__(self) -> None:
        self._by_row: dict[int, list[str]] = {}

    @property
    def rows(self) -> list[int]:
        """The index labels of the rows that have a reason."""
        return list(self._by_row)

    def join(self, row: int) -> str:
        """Return all reasons of `row` in one line."""
        return _AND.join(self._by_row[row])

    def add(self, row: int, reason: str) -> None:
        """Add `reason` to `row`, once."""
        noted = self._by_row.setdefault(row, [])
        if reason not in noted:
            noted.append(reason)

    def add_to_rows(self, rows: Iterable[int], reason: str) -> None:
        """Add `reason` to each of `rows`."""
        for row in rows:
            self.add(row, reason)

    def add_violation(self, violation: Violation) -> None:
        """Add the reason of `violation` to its rows, with the value of each row if there is one."""
        with_values = (f"{violation.reason}{_GOT}{value}" for value in violation.values)
        for row, reason in zip(
            violation.row_labels,
            with_values if violation.values else [violation.reason] * len(violation.row_labels),
            strict=True,
        ):
            self.add(row, reason)

    def add_cell_faults(self, column: str, cells: ParsedColumn, contract: Contract, index: pd.Index) -> None:
        """Add the reasons for invalid cells of `column`, whose rows have the labels `index`."""
        for broken, expected, describe in _cell_faults(column, cells, contract):
            rows = np.flatnonzero(broken[cells.codes]) if broken.any() else np.array([], np.int64)
            for row, level in zip(index[rows], cells.codes[rows], strict=True):
                self.add(row, f"{column}: expected {expected}{_GOT}{describe(level)}")


def _cell_faults(
    column: str, cells: ParsedColumn, contract: Contract
) -> Iterator[tuple[Booleans, str, Callable[[int], str]]]:
    """Yield a mask of invalid distinct cells, what was expected, and a function that describes what came."""
    missing = cells.values.isna().to_numpy(bool)
    for refusal in cells.refusals:
        yield refusal.mask, refusal.expected, lambda level: contract.format_value(column, repr(cells.texts[level]))
    if column not in contract.nullable:
        yield missing & ~cells.unreadable & ~cells.never, "a value", lambda _: "an empty cell"
        yield cells.never, "a time that comes", lambda level: f"{cells.texts[level]!r}, which means never"
    present = contract.to_stored(column, cells.values[~missing])
    for rule in contract.cell_rules(column) if len(present) else ():
        broken = np.zeros(len(cells.values), bool)
        broken[present.index] = ~rule(present).check_output.to_numpy(bool)
        yield broken, str(rule.error or rule.name), lambda level: contract.format_value(column, cells.values[level])


def most_common(row_reasons: Iterable[str]) -> str:
    """Return the most common reason and its number of rows; `row_reasons` has one line per row, from `Reasons.join`.

    Reasons that differ only in the value count as the same. The value is shown if it is the only one.

    >>> most_common(["speed: expected a finite number, got 'x'", "speed: expected a finite number, got 'y'; late"])
    'speed: expected a finite number (2) and 1 other reason'
    >>> most_common(["late"])
    'late (1)'
    """
    rows: dict[str, int] = {}
    values: dict[str, set[str]] = {}
    for line in row_reasons:
        for reason in dict.fromkeys(line.split(_AND)):
            rule = reason.partition(_GOT)[0]
            rows[rule] = rows.get(rule, 0) + 1
            values.setdefault(rule, set()).add(reason)
    if not rows:
        return ""
    rule = max(rows, key=rows.__getitem__)
    summary = values[rule].pop() if len(values[rule]) == 1 else rule
    others = len(rows) - 1
    return f"{summary} ({rows[rule]})" + (f" and {others} other reason{'s' * (others > 1)}" if others else "")
