"""Encoded features as a design matrix: numbers standardised (missing = mean, and flagged), categories one-hot."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ml.arrays import Booleans, Floats, Integers
from ml.training.encoding import Encoder

MAX_DEVIATIONS = 1e6  # deviations from the mean; a sum of products of these stays a number


@dataclass(frozen=True, kw_only=True)
class Design:
    """What a matrix needs: each column's `sizes` (levels, 0 for a number), and of the numbers `means` and `scales`.

    A level not seen in training is none of the columns; a missing number is the mean, and flagged where training had one.
    """

    sizes: tuple[int, ...]
    means: Floats
    scales: Floats
    flagged: Booleans

    @classmethod
    def from_features(cls, encoder: Encoder, features: Floats) -> "Design":
        """Return the design for features (n, columns) that `encoder` made."""
        sizes = tuple(size or 0 for size in encoder.sizes)
        numbers = features[:, np.array(sizes) == 0]
        known = ~np.isnan(numbers)
        counts = np.maximum(known.sum(axis=0), 1)
        means = np.where(known, numbers, 0.0).sum(axis=0) / counts
        deviations = np.sqrt(np.where(known, (numbers - means) ** 2, 0.0).sum(axis=0) / counts)
        return cls(
            sizes=sizes,
            means=means,
            scales=np.where(deviations > 0, deviations, 1.0),
            flagged=np.asarray((~known).any(axis=0), np.bool_),
        )

    def matrix(self, features: Floats) -> Floats:
        """Return the design matrix, shape (n, numbers + flags + levels)."""
        values = features[:, self._numbers]
        missing = np.isnan(values)
        with np.errstate(over="ignore"):
            standardised = (values - self.means) / self.scales
        standardised = np.maximum(np.minimum(standardised, MAX_DEVIATIONS), -MAX_DEVIATIONS)
        standardised[missing] = 0.0
        matrix = np.zeros((len(features), self._width))
        count = len(self._numbers)
        matrix[:, :count] = standardised
        matrix[:, count : count + len(self._flagged)] = missing[:, self._flagged]
        levels = features[:, self._categories]
        rows, columns = np.nonzero(~np.isnan(levels))
        matrix[rows, self._starts[columns] + levels[rows, columns].astype(np.int64)] = 1.0
        return matrix

    @cached_property
    def _numbers(self) -> Integers:
        return np.flatnonzero(np.array(self.sizes) == 0)

    @cached_property
    def _flagged(self) -> Integers:
        return np.flatnonzero(self.flagged)

    @cached_property
    def _categories(self) -> Integers:
        return np.flatnonzero(np.array(self.sizes))

    @cached_property
    def _starts(self) -> Integers:
        """Return in which column of the matrix the levels of each category begin."""
        sizes = np.array(self.sizes)[self._categories]
        return np.asarray(len(self._numbers) + len(self._flagged) + np.cumsum(sizes) - sizes, np.int64)

    @cached_property
    def _width(self) -> int:
        return len(self._numbers) + len(self._flagged) + sum(self.sizes)

    @property
    def origins(self) -> Integers:
        """Return, for each column of the matrix, the column of the features that it is made of."""
        sizes = np.array(self.sizes)
        numbers = np.flatnonzero(sizes == 0)
        return np.concatenate([numbers, numbers[self.flagged], np.repeat(np.arange(len(sizes)), sizes)])

    def state(self) -> dict[str, object]:
        """Return what `load` reads back, as JSON values."""
        return {
            "sizes": list(self.sizes),
            "means": self.means.tolist(),
            "scales": self.scales.tolist(),
            "flagged": self.flagged.tolist(),
        }

    @classmethod
    def load(cls, state: dict[str, list[float]]) -> "Design":
        """Return the design whose `state` this is."""
        return cls(
            sizes=tuple(int(size) for size in state["sizes"]),
            means=np.array(state["means"]),
            scales=np.array(state["scales"]),
            flagged=np.array(state["flagged"], bool),
        )
