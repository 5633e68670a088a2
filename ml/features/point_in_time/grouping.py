"""Integer codes for groups of rows: the combinations of column values that occur in a table."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import Codes, Integers
from ml.features.point_in_time.entities import Entities, encode_column

_MIN_DENSE_SIZE = 1 << 20


@dataclass(frozen=True)
class Grouping:
    """A table's rows grouped by some of its columns: `rows` has the group of each row, -1 if a column is missing.

    `steps` has, for each column in turn, its levels and the combinations with the columns before that occur.
    """

    rows: Codes
    steps: tuple["_Step", ...]

    @classmethod
    def from_table(cls, table: pd.DataFrame, names: tuple[str, ...]) -> "Grouping":
        """Return the rows of `table` grouped by the columns `names`."""
        rows, size, steps = np.zeros(len(table), np.int32), 1, []
        for name in names:
            codes, levels = encode_column(table[name])
            combined = _combine_codes(rows, codes, len(levels))
            has_group = combined >= 0
            present, rows[has_group] = distinct(combined[has_group], size * len(levels))
            rows[~has_group] = -1
            steps.append(_Step(name, levels, present, size * len(levels)))
            size = len(present)
        return cls(rows, tuple(steps))

    @property
    def size(self) -> int:
        """The number of groups."""
        return len(self.steps[-1].present) if self.steps else 1

    def lookup(self, entities: Entities) -> Codes:
        """Return the group of each entity, -1 if the table does not have it."""
        groups = np.zeros(len(entities.rows), np.int32)
        for step in self.steps:
            codes, levels = entities.codes(step.name)
            codes = np.append(step.levels.get_indexer(levels), -1).astype(np.int32)[codes]
            groups = _index_of(step.present, _combine_codes(groups, codes, len(step.levels)), step.bound)
        return groups


@dataclass(frozen=True)
class _Step:
    name: str
    levels: pd.Index
    present: Integers
    bound: int


def distinct(codes: Integers, bound: int) -> tuple[Integers, Codes]:
    """Return the distinct codes in ascending order, and the index of each code among them; codes are below `bound`.

    >>> unique_codes, inverse = distinct(np.array([7, 2, 7]), bound=10)
    >>> unique_codes.tolist(), inverse.tolist()
    ([2, 7], [1, 0, 1])
    """
    if bound > 8 * len(codes) + _MIN_DENSE_SIZE:
        unique_codes, inverse = np.unique(codes, return_inverse=True)
        return unique_codes, inverse.astype(np.int32)
    is_present = np.zeros(bound, bool)
    is_present[codes] = True
    return np.flatnonzero(is_present), (np.cumsum(is_present, dtype=np.int32) - 1)[codes]


def _combine_codes(groups: Codes, codes: Codes, levels: int) -> Integers:
    """Return codes for the groups combined with one more column; -1 where either is missing."""
    combined = groups.astype(np.int64)
    combined *= levels
    combined += codes
    combined[(groups < 0) | (codes < 0)] = -1
    return combined


def _index_of(present: Integers, codes: Integers, bound: int) -> Codes:
    """Return the index of each code in `present`, -1 for codes that are not; codes are from -1 to below `bound`."""
    if bound > 8 * len(codes) + _MIN_DENSE_SIZE:
        return pd.Index(present).get_indexer(pd.Index(codes)).astype(np.int32)
    index = np.full(bound + 1, -1, np.int32)
    index[present] = np.arange(len(present))
    return index[codes]
