"""Groups as codes: the combinations of a table's columns that there are, and those that entities ask for."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import Codes, Integers
from ml.features.point_in_time.entities import Entities, coded

_SMALL = 1 << 20


@dataclass(frozen=True)
class Grouping:
    """A table's rows divided by some of its columns: `rows` has each row's group, -1 for one that misses a column.

    `steps` has, for each column in turn, its levels and the combinations with those before that there are.
    """

    rows: Codes
    steps: tuple["_Step", ...]

    @classmethod
    def of(cls, table: pd.DataFrame, names: tuple[str, ...]) -> "Grouping":
        """Return the rows of `table` divided by the columns `names`."""
        rows, size, steps = np.zeros(len(table), np.int32), 1, []
        for name in names:
            codes, levels = coded(table[name])
            both = _both(rows, codes, len(levels))
            grouped = both >= 0
            there, rows[grouped] = distinct(both[grouped], size * len(levels))
            rows[~grouped] = -1
            steps.append(_Step(name, levels, there, size * len(levels)))
            size = len(there)
        return cls(rows, tuple(steps))

    @property
    def size(self) -> int:
        """How many groups there are."""
        return len(self.steps[-1].there) if self.steps else 1

    def asked(self, entities: Entities) -> Codes:
        """Return each entity's group, -1 where there is none."""
        groups = np.zeros(len(entities.rows), np.int32)
        for step in self.steps:
            codes, levels = entities.coded(step.name)
            codes = np.append(step.levels.get_indexer(levels), -1).astype(np.int32)[codes]
            groups = _found(step.there, _both(groups, codes, len(step.levels)), step.bound)
        return groups


@dataclass(frozen=True)
class _Step:
    name: str
    levels: pd.Index
    there: Integers
    bound: int


def distinct(codes: Integers, bound: int) -> tuple[Integers, Codes]:
    """Return the distinct codes (from 0 to below `bound`, ascending) and each one's place among them."""
    if bound > 8 * len(codes) + _SMALL:
        found, places = np.unique(codes, return_inverse=True)
        return found, places.astype(np.int32)
    there = np.zeros(bound, bool)
    there[codes] = True
    return np.flatnonzero(there), (np.cumsum(there, dtype=np.int32) - 1)[codes]


def _both(groups: Codes, codes: Codes, levels: int) -> Integers:
    """Return groups divided by one more column; -1 where either is none."""
    both = groups.astype(np.int64)
    both *= levels
    both += codes
    both[(groups < 0) | (codes < 0)] = -1
    return both


def _found(there: Integers, codes: Integers, bound: int) -> Codes:
    """Return the place of each code (from -1 to below `bound`) among those that are `there`; -1 for any other."""
    if bound > 8 * len(codes) + _SMALL:
        return pd.Index(there).get_indexer(pd.Index(codes)).astype(np.int32)
    places = np.full(bound + 1, -1, np.int32)
    places[there] = np.arange(len(there))
    return places[codes]
