"""Groups as codes: the combinations of a table's columns that there are, and those that entities ask for."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import Codes, Integers
from ml.features.point_in_time.entities import Entities, encode_column

_MIN_DENSE_SIZE = 1 << 20


@dataclass(frozen=True)
class Grouping:
    """A table's rows divided by some of its columns: `rows` has each row's group, -1 for one that misses a column.

    `steps` has, for each column in turn, its levels and the combinations with those before that there are.
    """

    rows: Codes
    steps: tuple["_Step", ...]

    @classmethod
    def from_table(cls, table: pd.DataFrame, names: tuple[str, ...]) -> "Grouping":
        """Return the rows of `table` divided by the columns `names`."""
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
        """How many groups there are."""
        return len(self.steps[-1].present) if self.steps else 1

    def lookup(self, entities: Entities) -> Codes:
        """Return each entity's group, -1 where there is none."""
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
    """Return the distinct codes (from 0 to below `bound`, ascending) and each one's place among them."""
    if bound > 8 * len(codes) + _MIN_DENSE_SIZE:
        unique_codes, inverse = np.unique(codes, return_inverse=True)
        return unique_codes, inverse.astype(np.int32)
    is_present = np.zeros(bound, bool)
    is_present[codes] = True
    return np.flatnonzero(is_present), (np.cumsum(is_present, dtype=np.int32) - 1)[codes]


def _combine_codes(groups: Codes, codes: Codes, levels: int) -> Integers:
    """Return groups divided by one more column; -1 where either is none."""
    combined = groups.astype(np.int64)
    combined *= levels
    combined += codes
    combined[(groups < 0) | (codes < 0)] = -1
    return combined


def _index_of(present: Integers, codes: Integers, bound: int) -> Codes:
    """Return the place of each code (from -1 to below `bound`) among those that are `there`; -1 for any other."""
    if bound > 8 * len(codes) + _MIN_DENSE_SIZE:
        return pd.Index(present).get_indexer(pd.Index(codes)).astype(np.int32)
    index = np.full(bound + 1, -1, np.int32)
    index[present] = np.arange(len(present))
    return index[codes]
