"""Which keys came before, in a table that is judged in stretches: a fingerprint of each, and nothing else of its row."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl

from ml.arrays import Booleans

_Fingerprints = npt.NDArray[np.uint64]


class SeenKeys:
    """The keys of the stretches so far, 8 bytes each, by the rule that asks for them: each rule asks of other rows.

    Two of n different keys have one fingerprint, so that a good row would be held, with a probability of n² / 2⁶⁵: 7 in
    ten million for 5 million rows.
    """

    def __init__(self) -> None:
        self._by_rule: dict[str, _Fingerprints] = {}

    def find_and_add(self, rule: str, keys: pd.DataFrame) -> Booleans:
        """Return which of `keys` an earlier stretch had, and remember them all."""
        known, incoming = self._by_rule.get(rule, np.zeros(0, np.uint64)), _fingerprints(keys)
        self._by_rule[rule] = np.concatenate([known, np.sort(incoming)])
        self._by_rule[rule].sort(kind="stable")  # two sorted runs: merged in one pass
        if not len(known):
            return np.zeros(len(incoming), bool)
        matches: Booleans = known[np.searchsorted(known, incoming).clip(max=len(known) - 1)] == incoming
        return matches


def find_duplicates(keys: pd.DataFrame, rule: str, seen_keys: SeenKeys | None) -> "pd.Index[int]":
    """Return the rows whose key came before: among these, or in an earlier stretch of the table (`seen`)."""
    duplicated = keys.duplicated().to_numpy(bool)
    return keys.index[duplicated if seen_keys is None else duplicated | seen_keys.find_and_add(rule, keys)]


def _fingerprints(keys: pd.DataFrame) -> _Fingerprints:
    """Return 64 bits for each key; equal values have equal ones, missing ones and zeros of either sign too."""
    plain = keys.astype(dict.fromkeys(keys.select_dtypes("category"), object))
    texts = {str(name): pl.String() for name in plain.select_dtypes("object")}
    return pl.from_pandas(plain, schema_overrides=texts).hash_rows().to_numpy()
