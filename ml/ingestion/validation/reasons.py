"""The reasons why rows are quarantined, by row, in the order in which they were found, and their counts by kind."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import Booleans
from ml.ingestion.reason_text import SEPARATOR, as_one
from ml.ingestion.validation.contract import Contract, Violation
from ml.ingestion.validation.parsing import ParsedColumn

WHOLE_FILE = "the whole file"
_GOT, _OF_LINE = ", got ", "expected "


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
        return SEPARATOR.join(self._by_row[row])

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
        with_values = (with_value(violation.reason, value) for value in violation.values)
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
                self.add(row, with_value(f"{column}: expected {expected}", describe(level)))


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


def with_value(rule: str, value: str) -> str:
    """Return a reason: the rule that is broken and the value that came, which cannot look like a further reason.

    >>> with_value("speed: expected a finite number", "'x; late'")
    "speed: expected a finite number, got 'x, late'"
    """
    return f"{rule}{_GOT}{as_one(value)}"


@dataclass(frozen=True, slots=True)
class KindCount:
    """The number of rows that break one rule; `text` is the reason with its value if all rows have the same value."""

    rows: int
    text: str


KindCounts = Mapping[str, KindCount]


def count_kinds(row_reasons: Iterable[str], *, show_values: bool = True) -> dict[str, KindCount]:
    """Return the counts of each rule that rows break; `row_reasons` has one line per row, from `Reasons.join`.

    Reasons that differ only in the value count as the same. Without `show_values`, no value is kept.

    >>> count_kinds(["speed: expected a finite number, got 'x'", "speed: expected a finite number, got 'y'; late"])
    ... # doctest: +NORMALIZE_WHITESPACE
    {'speed: expected a finite number': KindCount(rows=2, text='speed: expected a finite number'),
     'late': KindCount(rows=1, text='late')}
    """
    kinds: dict[str, KindCount] = {}
    for line, rows in Counter(row_reasons).items():
        for rule, text in {_rule(each): each for each in _split(line)}.items():
            count = KindCount(rows, text if show_values else rule)
            kinds[rule] = _merge(rule, kinds[rule], count) if rule in kinds else count
    return kinds


def merge_kinds(one: KindCounts, other: KindCounts) -> dict[str, KindCount]:
    """Return the counts of both together."""
    both = {rule: _merge(rule, one[rule], count) for rule, count in other.items() if rule in one}
    return {**one, **other, **both}


def without_values(line: str) -> str:
    """Return the reasons of a row without the values that came.

    >>> without_values("speed: expected a finite number, got 'x'; late")
    'speed: expected a finite number; late'
    """
    return SEPARATOR.join(map(_rule, _split(line)))


def is_about_cells(line: str, columns: Collection[str]) -> bool:
    """Return whether a row's cells may be in the wrong columns, or have broken a rule of one.

    This is so for a reason of the whole file, of a line that is no row (all of these begin with "expected"), and of a
    column. What is left are the rules about a row as a whole, whose cells were all read as their columns demand.

    >>> is_about_cells("expected 3 fields, got 2", ["age"]), is_about_cells("late", ["age"])
    (True, False)
    """
    return line.startswith((WHOLE_FILE, _OF_LINE)) or names_column(line, columns)


def names_column(line: str, columns: Collection[str]) -> bool:
    """Return whether a reason of a row is about cells of `columns`, and not about the row as a whole.

    >>> names_column("late; zone, age: expected one that is in places", ["zone", "age"]), names_column("late", ["age"])
    (True, False)
    """
    subjects = (each.partition(": ") for each in _split(line))
    return any(colon and set(names.split(", ")) <= set(columns) for names, colon, _ in subjects)


def summarize(kinds: KindCounts, shown: int = 1) -> str:
    """Return the most common reasons, each with its number of rows, and the number of the other ones.

    >>> summarize(count_kinds(["speed: expected a number, got 'x'", "speed: expected a number, got 'y'; late"]))
    'speed: expected a number (2) and 1 other reason'
    >>> summarize(count_kinds(["late"]))
    'late (1)'
    """
    ordered = sorted(kinds.values(), key=lambda each: -each.rows)
    others = len(ordered) - shown
    listed = ", ".join(f"{each.text} ({each.rows:,})" for each in ordered[:shown])
    return listed + (f" and {others} other reason{'s' * (others > 1)}" if others > 0 else "")


def _merge(rule: str, one: KindCount, other: KindCount) -> KindCount:
    return KindCount(one.rows + other.rows, one.text if one.text == other.text else rule)


def _split(line: str) -> list[str]:
    """Return the reasons of a row; the reason of a whole file is one reason."""
    return [line] if line.startswith(WHOLE_FILE) else line.split(SEPARATOR)


def _rule(reason: str) -> str:
    return reason if reason.startswith(WHOLE_FILE) else reason.partition(_GOT)[0]
