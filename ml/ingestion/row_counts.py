"""Counts of the valid and quarantined rows of a table, summed over its chunks."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from ml.ingestion.availability import NIGHT
from ml.ingestion.intake import FILE, REASONS, IngestResult
from ml.ingestion.validation import Violation

MAX_REASONS, OTHERS = 10_000, "other reasons"
Counts = Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class RowCounts:
    """Valid rows by night and by file, quarantined rows by file and reason, refused files with reasons, warnings."""

    by_night: Counts
    by_file: Counts
    quarantined: Mapping[str, Counts]
    refused: Mapping[str, str]
    warnings: tuple[Violation, ...] = ()

    @classmethod
    def from_result(cls, result: IngestResult) -> "RowCounts":
        """Return the counts of one result."""
        return cls(
            by_night=_counts(result.valid[NIGHT]) if len(result.valid) else {},
            by_file=_counts(result.row_files),
            quarantined={str(file): _counts(rows[REASONS]) for file, rows in result.quarantined.groupby(FILE)},
            refused=result.refused_files,
            warnings=tuple(finding.abbreviate() for finding in result.warnings),
        )

    @classmethod
    def empty(cls) -> "RowCounts":
        """Return the counts of no rows."""
        return cls(by_night={}, by_file={}, quarantined={}, refused={})

    def __add__(self, other: "RowCounts") -> "RowCounts":
        """Return the sum of both; of more than `MAX_REASONS` reasons of a file, the rarest are pooled as `OTHERS`.

        >>> monday = RowCounts(by_night={"1": 2}, by_file={"a.csv": 2}, quarantined={"a.csv": {"late": 1}}, refused={})
        >>> total = monday + monday
        >>> total.rows_in, total.rows_valid, total.quarantined
        (6, 4, {'a.csv': {'late': 2}})
        """
        files = dict.fromkeys((*self.quarantined, *other.quarantined))
        return RowCounts(
            by_night=_sum(self.by_night, other.by_night),
            by_file=_sum(self.by_file, other.by_file),
            quarantined={
                file: _keep_most_common(_sum(self.quarantined.get(file, {}), other.quarantined.get(file, {})))
                for file in files
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
        return sum(sum(reasons.values()) for reasons in self.quarantined.values())

    @property
    def rows_in(self) -> int:
        """The number of rows, valid and quarantined."""
        return self.rows_valid + self.rows_quarantined


def _counts(column: "pd.Series[str]") -> dict[str, int]:
    return {str(value): int(count) for value, count in column.value_counts().items()}


def _sum(one: Counts, other: Counts) -> dict[str, int]:
    return dict((Counter(one) + Counter(other)).most_common())


def _keep_most_common(reasons: dict[str, int]) -> dict[str, int]:
    if len(reasons) <= MAX_REASONS:
        return reasons
    kept = dict(list(reasons.items())[:MAX_REASONS])
    return _sum(kept, {OTHERS: sum(reasons.values()) - sum(kept.values())})


def _merge_warnings(warnings: Iterable[Violation]) -> tuple[Violation, ...]:
    joined: dict[str, Violation] = {}
    for each in warnings:
        first = joined.get(each.reason)
        joined[each.reason] = first.abbreviate(other_rows=each.row_count) if first else each
    return tuple(joined.values())
