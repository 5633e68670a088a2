"""Parity of features: bitwise comparison of the features of the same entities from two sources; NaN equals NaN."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import Booleans
from ml.governance import privacy

_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureDifference:
    """A feature that differs: the number of entities, the maximum difference, and some examples.

    `max_difference` is None if the values are not numbers, if one of them is missing, or if the feature is hidden.
    """

    feature: str
    entities: int
    max_difference: float | None
    examples: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The comparison of one source with the expected features of `rows` entities.

    `absent` has the entities that the source does not have, `differences` the features that differ. If the source could
    not be read, `failure` is the reason.
    """

    source: str
    rows: int
    absent: tuple[str, ...]
    differences: tuple[FeatureDifference, ...]
    failure: str = ""

    @property
    def differing_values(self) -> int:
        """The number of values that differ; an absent entity counts as one, like a source that could not be read."""
        return len(self.absent) + sum(each.entities for each in self.differences) or int(bool(self.failure))

    def __str__(self) -> str:
        """Return the result as a sentence with source, features and counts."""
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
    """Return the differences between `actual` and `expected`, both indexed by entity, in the columns `names`.

    The values of `hidden` columns are masked. Numbers are compared bit by bit, instants and texts by value.

    >>> expected = pd.DataFrame({"speed": [0.3, np.nan]}, index=["a", "b"])
    >>> str(compare("online store", expected, expected.assign(speed=[0.3, np.nan]), ["speed"]))
    'online store: 2 entities, the same to the last bit'
    >>> compare("online store", expected, expected.assign(speed=[0.1 + 0.2, np.nan]), ["speed"]).differing_values
    1
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
            f"{entity}: expected {privacy.mask_value(name, wanted, masked_columns)}, "
            f"got {privacy.mask_value(name, got, masked_columns)}"
            for (entity, wanted), got in pairs
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
    return f"{each.feature} of {each.entities} entities{amount} ({'; '.join(each.examples)})"
