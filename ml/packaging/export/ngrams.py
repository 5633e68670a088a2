"""Hashed n-grams by themselves: what scikit-learn's HashingVectorizer makes of a text, without scikit-learn."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np

from ml.arrays import Floats
from ml.training.text_features import Projection
from ml.usecase import Text

_WORD, _GAPS = re.compile(r"\b\w\w+\b"), re.compile(r"\s\s+")
_BITS = 0xFFFFFFFF


@dataclass(frozen=True, kw_only=True, eq=False)
class Alone(Projection):
    """A fitted text that needs NumPy alone."""

    def apply(self, values: Iterable[object]) -> Floats:
        """Return float64 of shape (n, components), as the projection that it stands for does."""
        return np.array([self._one(each) for each in values]).reshape(-1, self.text.components)

    def _one(self, value: object) -> Floats:
        if value is None or value != value:
            return np.full(self.text.components, np.nan)
        found = np.zeros(self.text.components)
        for bucket, weight in hashed(self.text, str(value)).items():
            found = found + weight * self._dense[bucket]
        return found


def hashed(text: Text, value: str) -> dict[int, float]:
    """Return the weight of each bucket that an n-gram of `value` falls into, in order; their squares add up to 1."""
    counts: dict[int, int] = {}
    for ngram, count in Counter(_ngrams(text, value.lower())).items():
        code = murmur3(ngram.encode())
        bucket = abs(code) % text.buckets
        counts[bucket] = counts.get(bucket, 0) + (count if code >= 0 else -count)
    length = sqrt(sum(count * count for count in counts.values()))
    return {bucket: counts[bucket] / length for bucket in sorted(counts) if counts[bucket]}


def murmur3(data: bytes) -> int:
    """Return MurmurHash3 (x86, 32 bits, seed 0; Appleby 2011) as a signed number."""
    whole = len(data) & ~3
    code = 0
    for at in range(0, whole, 4):
        code ^= _scrambled(int.from_bytes(data[at : at + 4], "little"))
        code = (_rotated(code, 13) * 5 + 0xE6546B64) & _BITS
    code ^= _scrambled(int.from_bytes(data[whole:], "little")) ^ len(data)
    code = ((code ^ code >> 16) * 0x85EBCA6B) & _BITS
    code = ((code ^ code >> 13) * 0xC2B2AE35) & _BITS
    code ^= code >> 16
    return code - (1 << 32) if code >> 31 else code


def _scrambled(word: int) -> int:
    return _rotated(word * 0xCC9E2D51 & _BITS, 15) * 0x1B873593 & _BITS


def _rotated(word: int, by: int) -> int:
    return (word << by | word >> 32 - by) & _BITS


def _ngrams(text: Text, value: str) -> Iterator[str]:
    shortest, longest = text.ngrams
    if text.of == "words":
        words = _WORD.findall(value)
        for size in range(shortest, longest + 1):
            yield from (" ".join(words[at : at + size]) for at in range(len(words) - size + 1))
        return
    for word in _GAPS.sub(" ", value).split():
        padded = f" {word} "
        for size in range(shortest, longest + 1):
            yield from (padded[at : at + size] for at in range(max(len(padded) - size, 0) + 1))
            if size >= len(padded):  # a short word counts once
                break
