"""The entities for which features are looked up, each with its cutoff."""

from functools import cached_property

import numpy as np
import pandas as pd

from ml.arrays import Codes, Integers

_CHUNK_SIZE = 400_000  # arrays of 3.2 MB: within a cache, and below the size at which NumPy asks for huge pages


class Entities:
    """The rows of entities, with encoded columns and `distinct_cutoffs`, which all tables share."""

    def __init__(self, rows: pd.DataFrame, cutoffs: Integers, chunk_size: int = _CHUNK_SIZE) -> None:
        """`cutoffs` has each entity's cutoff in seconds since 1970 (UTC); chunks have at most `chunk_size` entities."""
        self.rows, self._chunk_size = rows, chunk_size
        cutoff_codes, self.distinct_cutoffs = pd.factorize(cutoffs, sort=True)
        self.cutoff_codes: Codes = cutoff_codes.astype(np.int32)
        self._codes: dict[str, tuple[Codes, pd.Index]] = {}

    def codes(self, name: str) -> tuple[Codes, pd.Index]:
        """Return the column `name` as codes (-1 where missing), and its levels."""
        if name not in self._codes:
            self._codes[name] = encode_column(self.rows[name])
        return self._codes[name]

    @cached_property
    def chunks(self) -> tuple["Entities", ...]:
        """The entities in their order, divided into chunks; at least one chunk."""
        starts = range(0, max(len(self.rows), 1), self._chunk_size)
        if len(starts) == 1:
            return (self,)
        bounds = [slice(start, start + self._chunk_size) for start in starts]
        return tuple(Entities(self.rows.iloc[part], self.distinct_cutoffs[self.cutoff_codes[part]]) for part in bounds)


def encode_column(column: pd.Series) -> tuple[Codes, pd.Index]:
    """Return a column as codes (-1 where missing), and its levels.

    >>> codes, levels = encode_column(pd.Series(["north", None, "south", "north"]))
    >>> codes.tolist(), levels.tolist()
    ([0, -1, 1, 0], ['north', 'south'])
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy().astype(np.int32), column.cat.categories
    codes, levels = pd.factorize(column)
    return codes.astype(np.int32), pd.Index(levels)
