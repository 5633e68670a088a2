"""Detection of duplicate keys across the chunks of a table, by a 64-bit fingerprint of each key."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl

from ml.arrays import Booleans

_Fingerprints = npt.NDArray[np.uint64]


class SeenKeys:
    """The keys of earlier chunks, 8 bytes each, by uniqueness rule, because each rule applies to different rows.

    Among n different keys, two have the same fingerprint with a probability of about n² / 2⁶⁵, which is 7 in ten
    million for 5 million rows. A valid row would then be quarantined.
    """

    def __init__(self) -> None:
        self._by_rule: dict[str, _Fingerprints] = {}

    def find_and_add(self, rule: str, keys: pd.DataFrame) -> Booleans:
        """Return which of `keys` were in an earlier chunk, and add all of them."""
        known, incoming = self._by_rule.get(rule, np.zeros(0, np.uint64)), _fingerprints(keys)
        self._by_rule[rule] = np.concatenate([known, np.sort(incoming)])
        self._by_rule[rule].sort(kind="stable")  # two sorted runs: merged in one pass
        if not len(known):
            return np.zeros(len(incoming), bool)
        matches: Booleans = known[np.searchsorted(known, incoming).clip(max=len(known) - 1)] == incoming
        return matches


def find_duplicates(keys: pd.DataFrame, rule: str, seen_keys: SeenKeys | None) -> "pd.Index[int]":
    """Return the rows whose key occurs before: in an earlier row of `keys`, or in `seen_keys`.

    >>> seen = SeenKeys()
    >>> find_duplicates(pd.DataFrame({"day": ["1", "1", "2"]}), "unique days", seen).tolist()
    [1]
    >>> find_duplicates(pd.DataFrame({"day": ["3", "2"]}), "unique days", seen).tolist()  # the next chunk
    [1]
    """
    duplicated = keys.duplicated().to_numpy(bool)
    return keys.index[duplicated if seen_keys is None else duplicated | seen_keys.find_and_add(rule, keys)]


def _fingerprints(keys: pd.DataFrame) -> _Fingerprints:
    """Return 64 bits per key. Equal values have equal bits; so do missing values, and zeros of either sign."""
    plain = keys.astype(dict.fromkeys(keys.select_dtypes("category"), object))
    texts = {str(name): pl.String() for name in plain.select_dtypes("object")}
    return pl.from_pandas(plain, schema_overrides=texts).hash_rows().to_numpy()
