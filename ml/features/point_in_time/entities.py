"""The rows that ask, each with the second up to which it may know."""

from functools import cached_property

import numpy as np
import pandas as pd

from ml.arrays import Codes, Integers

_STRETCH = 400_000  # arrays of 3.2 MB: within a cache, and below the size at which NumPy asks for huge pages


class Entities:
    """The rows that ask, and what all tables need of them: columns as codes, and the distinct cutoffs (`moments`)."""

    def __init__(self, rows: pd.DataFrame, cutoffs: Integers, stretch: int = _STRETCH) -> None:
        """`cutoffs` has each entity's second (UTC, since 1970); at most `stretch` of them ask at once."""
        self.rows, self._stretch = rows, stretch
        moment, self.moments = pd.factorize(cutoffs, sort=True)
        self.moment: Codes = moment.astype(np.int32)
        self._coded: dict[str, tuple[Codes, pd.Index]] = {}

    def coded(self, name: str) -> tuple[Codes, pd.Index]:
        """Return the column as codes (-1 where missing) into its levels."""
        if name not in self._coded:
            self._coded[name] = coded(self.rows[name])
        return self._coded[name]

    @cached_property
    def stretches(self) -> tuple["Entities", ...]:
        """The entities in their order, as many at a time as are asked for at once; at least one stretch."""
        firsts = range(0, max(len(self.rows), 1), self._stretch)
        if len(firsts) == 1:
            return (self,)
        parts = [slice(first, first + self._stretch) for first in firsts]
        return tuple(Entities(self.rows.iloc[part], self.moments[self.moment[part]]) for part in parts)


def coded(column: pd.Series) -> tuple[Codes, pd.Index]:
    """Return a column as codes (-1 where missing) into its levels."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy().astype(np.int32), column.cat.categories
    codes, levels = pd.factorize(column)
    return codes.astype(np.int32), pd.Index(levels)
