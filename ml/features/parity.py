"""Whether the same entities have the same features by two ways, to the last bit; missing equals missing."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import Booleans
from ml.governance import privacy

_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A feature that is not the same: for how many entities, by how much at most, and some of them.

    `largest` is None where the values are no numbers, or where one of them is missing.
    """

    feature: str
    entities: int
    largest: float | None
    examples: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What one way said of `rows` entities: those that it does not know, and every feature that differs.

    `fault` says why a way knows nothing, where it said so.
    """

    path: str
    rows: int
    absent: tuple[str, ...]
    differences: tuple[Difference, ...]
    fault: str = ""

    @property
    def cells(self) -> int:
        """How many values differ, an absent entity counted once, and a way that could not be gone as one."""
        return len(self.absent) + sum(each.entities for each in self.differences) or int(bool(self.fault))

    def __str__(self) -> str:
        """Return the finding as a sentence that names path, features and counts."""
        if not self.cells:
            return f"{self.path}: {self.rows} entities, the same to the last bit"
        told = [f"{len(self.absent)} absent ({', '.join(self.absent[:_EXAMPLES])})"] if self.absent else []
        told += [_told(each) for each in self.differences]
        told += [self.fault] if self.fault else []
        return f"{self.path} differs from the table of features for {self.rows} entities: {'; '.join(told)}"


def compare(
    path: str,
    expected: pd.DataFrame,
    found: pd.DataFrame,
    names: Collection[str],
    hidden: Collection[str] = (),
) -> Comparison:
    """Return where `found` is not `expected`, both indexed by entity, in the columns `names`.

    The values of `hidden` columns are not shown. Numbers are compared by their bits, instants and texts as such.
    """
    there = expected.index.isin(found.index)
    known = expected[there]
    found = found.loc[known.index]
    compared = (_difference(name, known[name], found[name], name in hidden) for name in names)
    return Comparison(
        path=path,
        rows=len(expected),
        absent=tuple(map(str, expected.index[~there])),
        differences=tuple(each for each in compared if each is not None),
    )


def _difference(name: str, expected: pd.Series, found: pd.Series, hidden: bool) -> Difference | None:
    differs = ~_same(expected, found)
    if not differs.any():
        return None
    pairs = list(zip(expected[differs].items(), found[differs], strict=True))[:_EXAMPLES]
    mask = [name] if hidden else []
    return Difference(
        feature=name,
        entities=int(differs.sum()),
        largest=None if hidden else _largest(expected[differs], found[differs]),
        examples=tuple(
            f"{entity}: {privacy.shown(name, here, mask)}, there {privacy.shown(name, other, mask)}"
            for (entity, here), other in pairs
        ),
    )


def _same(expected: pd.Series, found: pd.Series) -> Booleans:
    missing = expected.isna().to_numpy() & found.isna().to_numpy()
    if _is_number(expected) and _is_number(found):
        bits = [each.to_numpy(np.float64).view(np.int64) for each in (expected, found)]
        same: Booleans = bits[0] == bits[1]
        return missing | same
    alike: Booleans = expected.astype(object).to_numpy() == found.astype(object).to_numpy()
    return missing | alike


def _largest(expected: pd.Series, found: pd.Series) -> float | None:
    if not (_is_number(expected) and _is_number(found)):
        return None
    apart = np.abs(expected.to_numpy(np.float64) - found.to_numpy(np.float64))
    return None if np.isnan(apart).any() else float(apart.max())


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_float_dtype(column.dtype)


def _told(each: Difference) -> str:
    by = "" if each.largest is None else f", by up to {each.largest:g}"
    return f"{each.feature} of {each.entities} entities{by} (here and there: {'; '.join(each.examples)})"
