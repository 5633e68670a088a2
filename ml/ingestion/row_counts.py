"""Counts of the valid and quarantined rows of a table, summed over its chunks."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from ml.ingestion.availability import NIGHT
from ml.ingestion.intake import FILE, REASONS, IngestResult
from ml.ingestion.validation import Violation, reasons
from ml.ingestion.validation.reasons import KindCounts

Counts = Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class RowCounts:
    """Valid rows by night and by file, quarantined rows by file, refused files with reasons, warnings.

    `reasons` has the rules that the rows of each file break, with their numbers of rows.
    """

    by_night: Counts
    by_file: Counts
    quarantined: Counts
    reasons: Mapping[str, KindCounts]
    refused: Mapping[str, str]
    warnings: tuple[Violation, ...] = ()

    @classmethod
    def from_result(cls, result: IngestResult, *, show_values: bool = True) -> "RowCounts":
        """Return the counts of one result; without `show_values`, reasons and warnings have no values."""
        return cls(
            by_night=_counts(result.valid[NIGHT]) if len(result.valid) else {},
            by_file=_counts(result.row_files),
            quarantined=_counts(result.quarantined[FILE]),
            reasons={
                str(file): reasons.count_kinds(rows[REASONS], show_values=show_values)
                for file, rows in result.quarantined.groupby(FILE)
            },
            refused=result.refused_files,
            warnings=tuple(_without_values(each, show_values).abbreviate() for each in result.warnings),
        )

    @classmethod
    def empty(cls) -> "RowCounts":
        """Return the counts of no rows."""
        return cls(by_night={}, by_file={}, quarantined={}, reasons={}, refused={})

    def __add__(self, other: "RowCounts") -> "RowCounts":
        """Return the sum of both.

        >>> total = RowCounts.empty() + replace(RowCounts.empty(), by_file={"a.csv": 4}, quarantined={"a.csv": 2})
        >>> total.rows_in, total.rows_valid, total.quarantined
        (6, 4, {'a.csv': 2})
        """
        files = dict.fromkeys((*self.reasons, *other.reasons))
        return RowCounts(
            by_night=_sum(self.by_night, other.by_night),
            by_file=_sum(self.by_file, other.by_file),
            quarantined=_sum(self.quarantined, other.quarantined),
            reasons={
                file: reasons.merge_kinds(self.reasons.get(file, {}), other.reasons.get(file, {})) for file in files
            },
            refused={**self.refused, **other.refused},
            warnings=_merge_warnings((*self.warnings, *other.warnings)),
        )

    @property
    def rows_valid(self) -> int:
        """The number of valid rows."""
        return sum(self.by_file.values())

    @property
    def rows_quarantined(self) -> int:
        """The number of quarantined rows."""
        return sum(self.quarantined.values())

    @property
    def rows_in(self) -> int:
        """The number of rows, valid and quarantined."""
        return self.rows_valid + self.rows_quarantined


def _counts(column: "pd.Series[str]") -> dict[str, int]:
    return {str(value): int(count) for value, count in column.value_counts().items()}


def _sum(one: Counts, other: Counts) -> dict[str, int]:
    return dict((Counter(one) + Counter(other)).most_common())


def _without_values(warning: Violation, show_values: bool) -> Violation:
    return warning if show_values else replace(warning, values=())


def _merge_warnings(warnings: Iterable[Violation]) -> tuple[Violation, ...]:
    joined: dict[str, Violation] = {}
    for each in warnings:
        first = joined.get(each.reason)
        joined[each.reason] = first.abbreviate(other_rows=each.row_count) if first else each
    return tuple(joined.values())
