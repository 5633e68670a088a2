"""Text features in NumPy: hashed n-grams, equal to those of scikit-learn's HashingVectorizer, and their projection."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Literal

import numpy as np

from ml.arrays import Floats, Integers

_WORD, _GAPS = re.compile(r"\b\w\w+\b"), re.compile(r"\s\s+")
_UINT32_MASK = 0xFFFFFFFF


@dataclass(frozen=True, kw_only=True, slots=True)
class NgramHashing:
    """How a text becomes n-grams, and of how many numbers its feature consists: the values of a `usecase.Text`."""

    column: str
    analyzer: Literal["characters", "words"]
    ngrams: tuple[int, int]
    buckets: int
    components: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Projection:
    """A fitted text feature: `weights` of shape (used buckets, components) for the n-gram buckets seen in training."""

    text: NgramHashing
    used: Integers
    weights: Floats

    def apply(self, values: Iterable[object]) -> Floats:
        """Return float64 of shape (n, components): NaN for a missing text, 0 for a text whose n-grams are all unseen.

        The numbers of a text do not depend on the other texts in `values`.
        """
        return np.array([self._project(each) for each in values]).reshape(-1, self.text.components)

    @cached_property
    def _dense_weights(self) -> Floats:
        weights = np.zeros((self.text.buckets, self.text.components))
        weights[self.used] = self.weights
        return weights

    def _project(self, value: object) -> Floats:
        if value is None or value != value:
            return np.full(self.text.components, np.nan)
        projected = np.zeros(self.text.components)
        for bucket, weight in hash_ngrams(self.text, str(value)).items():
            projected = projected + weight * self._dense_weights[bucket]
        return projected


def hash_ngrams(text: NgramHashing, value: str) -> dict[int, float]:
    """Return the weight of each bucket that has an n-gram of `value`, in order of buckets; the squares sum to 1.

    An n-gram adds or subtracts its count, by the sign of its hash, so that collisions cancel on average.

    >>> text = NgramHashing(column="note", analyzer="words", ngrams=(1, 1), buckets=4096, components=8)
    >>> weights = hash_ngrams(text, "late late train")
    >>> [round(each, 4) for each in weights.values()]  # counts 1 and 2, divided by the root of 5
    [-0.4472, 0.8944]
    """
    counts: dict[int, int] = {}
    for ngram, count in Counter(_ngrams(text, value.lower())).items():
        code = murmur3(ngram.encode())
        bucket = abs(code) % text.buckets
        counts[bucket] = counts.get(bucket, 0) + (count if code >= 0 else -count)
    length = sqrt(sum(count * count for count in counts.values()))
    return {bucket: counts[bucket] / length for bucket in sorted(counts) if counts[bucket]}


def murmur3(data: bytes) -> int:
    """Return MurmurHash3 (x86, 32 bits, seed 0; Appleby 2011) as a signed integer.

    >>> murmur3(b""), hex(murmur3(b"test") & 0xFFFFFFFF)
    (0, '0xba6bd213')
    """
    body_length = len(data) & ~3
    code = 0
    for start in range(0, body_length, 4):
        code ^= _scramble(int.from_bytes(data[start : start + 4], "little"))
        code = (_rotate_left(code, 13) * 5 + 0xE6546B64) & _UINT32_MASK
    code ^= _scramble(int.from_bytes(data[body_length:], "little")) ^ len(data)
    code = ((code ^ code >> 16) * 0x85EBCA6B) & _UINT32_MASK
    code = ((code ^ code >> 13) * 0xC2B2AE35) & _UINT32_MASK
    code ^= code >> 16
    return code - (1 << 32) if code >> 31 else code


def _scramble(word: int) -> int:
    return _rotate_left(word * 0xCC9E2D51 & _UINT32_MASK, 15) * 0x1B873593 & _UINT32_MASK


def _rotate_left(word: int, bits: int) -> int:
    return (word << bits | word >> 32 - bits) & _UINT32_MASK


def _ngrams(text: NgramHashing, value: str) -> Iterator[str]:
    shortest, longest = text.ngrams
    if text.analyzer == "words":
        words = _WORD.findall(value)
        for size in range(shortest, longest + 1):
            yield from (" ".join(words[start : start + size]) for start in range(len(words) - size + 1))
        return
    for word in _GAPS.sub(" ", value).split():
        padded = f" {word} "
        for size in range(shortest, longest + 1):
            yield from (padded[at : at + size] for at in range(max(len(padded) - size, 0) + 1))
            if size >= len(padded):  # a short word counts once
                break
