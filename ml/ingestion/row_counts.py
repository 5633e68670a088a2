"""What became of a table's rows, in numbers: those of one stretch, or of several added up."""

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
    """Valid rows by night and by file, quarantined ones by file and reason, the files refused whole, the warnings."""

    by_night: Counts
    by_file: Counts
    quarantined: Mapping[str, Counts]
    refused: Mapping[str, str]
    warnings: tuple[Violation, ...] = ()

    @classmethod
    def from_result(cls, result: IngestResult) -> "RowCounts":
        """Return the numbers of what was taken at once."""
        return cls(
            by_night=_counts(result.valid[NIGHT]) if len(result.valid) else {},
            by_file=_counts(result.row_files),
            quarantined={str(file): _counts(rows[REASONS]) for file, rows in result.quarantined.groupby(FILE)},
            refused=result.refused_files,
            warnings=tuple(finding.abbreviate() for finding in result.warnings),
        )

    @classmethod
    def empty(cls) -> "RowCounts":
        """Return the numbers of no rows."""
        return cls(by_night={}, by_file={}, quarantined={}, refused={})

    def __add__(self, other: "RowCounts") -> "RowCounts":
        """Return the numbers of both; of a file's reasons beyond `MOST_REASONS`, the rarest become `OTHERS`."""
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
        """How many rows are valid."""
        return sum(self.by_file.values())

    @property
    def rows_quarantined(self) -> int:
        """How many rows are quarantined."""
        return sum(sum(reasons.values()) for reasons in self.quarantined.values())

    @property
    def rows_in(self) -> int:
        """How many rows came."""
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
