"""What became of a table's rows, in numbers: those of one stretch, or of several added up."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from ml.ingestion.availability import NIGHT
from ml.ingestion.intake import FILE, REASONS, Taken
from ml.ingestion.validation import Finding

MOST_REASONS, OTHERS = 10_000, "other reasons"
Counts = Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """Valid rows by night and by file, quarantined ones by file and reason, the files refused whole, the warnings."""

    by_night: Counts
    by_file: Counts
    held: Mapping[str, Counts]
    refused: Mapping[str, str]
    warnings: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, taken: Taken) -> "Tally":
        """Return the numbers of what was taken at once."""
        return cls(
            by_night=_counts(taken.valid[NIGHT]) if len(taken.valid) else {},
            by_file=_counts(taken.files),
            held={str(file): _counts(rows[REASONS]) for file, rows in taken.quarantined.groupby(FILE)},
            refused=taken.refused,
            warnings=tuple(finding.brief() for finding in taken.warnings),
        )

    @classmethod
    def none(cls) -> "Tally":
        """Return the numbers of no rows."""
        return cls(by_night={}, by_file={}, held={}, refused={})

    def __add__(self, other: "Tally") -> "Tally":
        """Return the numbers of both; of a file's reasons beyond `MOST_REASONS`, the rarest become `OTHERS`."""
        files = dict.fromkeys((*self.held, *other.held))
        return Tally(
            by_night=_sum(self.by_night, other.by_night),
            by_file=_sum(self.by_file, other.by_file),
            held={file: _bounded(_sum(self.held.get(file, {}), other.held.get(file, {}))) for file in files},
            refused={**self.refused, **other.refused},
            warnings=_joined((*self.warnings, *other.warnings)),
        )

    @property
    def rows_valid(self) -> int:
        """How many rows are valid."""
        return sum(self.by_file.values())

    @property
    def rows_quarantined(self) -> int:
        """How many rows are quarantined."""
        return sum(sum(reasons.values()) for reasons in self.held.values())

    @property
    def rows_in(self) -> int:
        """How many rows came."""
        return self.rows_valid + self.rows_quarantined


def _counts(column: "pd.Series[str]") -> dict[str, int]:
    return {str(value): int(count) for value, count in column.value_counts().items()}


def _sum(one: Counts, other: Counts) -> dict[str, int]:
    return dict((Counter(one) + Counter(other)).most_common())


def _bounded(reasons: dict[str, int]) -> dict[str, int]:
    if len(reasons) <= MOST_REASONS:
        return reasons
    kept = dict(list(reasons.items())[:MOST_REASONS])
    return _sum(kept, {OTHERS: sum(reasons.values()) - sum(kept.values())})


def _joined(warnings: Iterable[Finding]) -> tuple[Finding, ...]:
    joined: dict[str, Finding] = {}
    for each in warnings:
        first = joined.get(each.reason)
        joined[each.reason] = first.brief(others=each.rows) if first else each
    return tuple(joined.values())
