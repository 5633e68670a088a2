"""Whether the same entities have the same features by two ways, to the last bit; missing equals missing."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import Booleans
from ml.governance import privacy

_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureDifference:
    """A feature that is not the same: for how many entities, by how much at most, and some of them.

    `largest` is None where the values are no numbers, or where one of them is missing.
    """

    feature: str
    entities: int
    max_difference: float | None
    examples: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What one way said of `rows` entities: those that it does not know, and every feature that differs.

    `fault` says why a way knows nothing, where it said so.
    """

    source: str
    rows: int
    absent: tuple[str, ...]
    differences: tuple[FeatureDifference, ...]
    failure: str = ""

    @property
    def differing_values(self) -> int:
        """How many values differ, an absent entity counted once, and a way that could not be gone as one."""
        return len(self.absent) + sum(each.entities for each in self.differences) or int(bool(self.failure))

    def __str__(self) -> str:
        """Return the finding as a sentence that names path, features and counts."""
        if not self.differing_values:
            return f"{self.source}: {self.rows} entities, the same to the last bit"
        parts = [f"{len(self.absent)} absent ({', '.join(self.absent[:_EXAMPLES])})"] if self.absent else []
        parts += [_describe(each) for each in self.differences]
        parts += [self.failure] if self.failure else []
        return f"{self.source} differs from the table of features for {self.rows} entities: {'; '.join(parts)}"


def compare(
    source: str,
    expected: pd.DataFrame,
    actual: pd.DataFrame,
    names: Collection[str],
    hidden: Collection[str] = (),
) -> Comparison:
    """Return where `found` is not `expected`, both indexed by entity, in the columns `names`.

    The values of `hidden` columns are not shown. Numbers are compared by their bits, instants and texts as such.
    """
    is_present = expected.index.isin(actual.index)
    known = expected[is_present]
    actual = actual.loc[known.index]
    compared = (_difference(name, known[name], actual[name], name in hidden) for name in names)
    return Comparison(
        source=source,
        rows=len(expected),
        absent=tuple(map(str, expected.index[~is_present])),
        differences=tuple(each for each in compared if each is not None),
    )


def _difference(name: str, expected: pd.Series, actual: pd.Series, hidden: bool) -> FeatureDifference | None:
    differs = ~_same(expected, actual)
    if not differs.any():
        return None
    pairs = list(zip(expected[differs].items(), actual[differs], strict=True))[:_EXAMPLES]
    masked_columns = [name] if hidden else []
    return FeatureDifference(
        feature=name,
        entities=int(differs.sum()),
        max_difference=None if hidden else _max_difference(expected[differs], actual[differs]),
        examples=tuple(
            f"{entity}: {privacy.mask_value(name, here, masked_columns)}, there {privacy.mask_value(name, other, masked_columns)}"
            for (entity, here), other in pairs
        ),
    )


def _same(expected: pd.Series, actual: pd.Series) -> Booleans:
    missing = expected.isna().to_numpy() & actual.isna().to_numpy()
    if _is_number(expected) and _is_number(actual):
        bits = [each.to_numpy(np.float64).view(np.int64) for each in (expected, actual)]
        same: Booleans = bits[0] == bits[1]
        return missing | same
    alike: Booleans = expected.astype(object).to_numpy() == actual.astype(object).to_numpy()
    return missing | alike


def _max_difference(expected: pd.Series, actual: pd.Series) -> float | None:
    if not (_is_number(expected) and _is_number(actual)):
        return None
    distances = np.abs(expected.to_numpy(np.float64) - actual.to_numpy(np.float64))
    return None if np.isnan(distances).any() else float(distances.max())


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_float_dtype(column.dtype)


def _describe(each: FeatureDifference) -> str:
    amount = "" if each.max_difference is None else f", by up to {each.max_difference:g}"
    return f"{each.feature} of {each.entities} entities{amount} (here and there: {'; '.join(each.examples)})"
