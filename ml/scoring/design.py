"""The design matrix of linear models and networks: standardised numbers, missing-value flags, one-hot categories."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ml.arrays import Booleans, Floats, Integers
from ml.scoring.encoder import Encoder

MAX_DEVIATIONS = 1e6  # standard deviations from the mean; sums of products of such values stay finite
_MAX_SQUARED = 1e100  # larger numbers are divided by the largest, so that sums of their squares stay finite


@dataclass(frozen=True, kw_only=True)
class Design:
    """The fitted state of the design matrix.

    `sizes` has the number of levels of each encoded column, 0 for a number. `means`, `scales` and `flagged` have one
    entry for each number; `flagged` marks numbers that had missing values in training. A missing number is replaced by
    the mean, and has a flag if it is `flagged`. A level not seen in training sets no column.

    >>> encoder = Encoder(levels={"miles": None, "zone": ("east", "west")})
    >>> features = np.array([[1.0, 0], [3.0, 1], [np.nan, np.nan]])
    >>> Design.from_features(encoder, features).matrix(features).tolist()  # miles, miles missing, east, west
    [[-1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0]]
    """

    sizes: tuple[int, ...]
    means: Floats
    scales: Floats
    flagged: Booleans

    @classmethod
    def from_features(cls, encoder: Encoder, features: Floats) -> "Design":
        """Return the design fitted on features (n, columns) from `encoder`."""
        sizes = tuple(size or 0 for size in encoder.sizes)
        numbers = features[:, np.array(sizes) == 0]
        known = ~np.isnan(numbers)
        counts = np.maximum(known.sum(axis=0), 1)
        largest = np.where(known, np.abs(numbers), 0.0).max(axis=0, initial=0.0)
        units = np.where(largest > _MAX_SQUARED, largest, 1.0)
        values = np.where(known, numbers, 0.0) / units
        means = values.sum(axis=0) / counts
        deviations = np.sqrt(np.where(known, (values - means) ** 2, 0.0).sum(axis=0) / counts)
        return cls(
            sizes=sizes,
            means=means * units,
            scales=np.where(deviations > 0, deviations, 1.0) * units,
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
        """Return the first column of each category in the matrix."""
        sizes = np.array(self.sizes)[self._categories]
        return np.asarray(len(self._numbers) + len(self._flagged) + np.cumsum(sizes) - sizes, np.int64)

    @cached_property
    def _width(self) -> int:
        return len(self._numbers) + len(self._flagged) + sum(self.sizes)

    @property
    def origins(self) -> Integers:
        """Return the index of the source feature column for each column of the matrix."""
        sizes = np.array(self.sizes)
        numbers = np.flatnonzero(sizes == 0)
        return np.concatenate([numbers, numbers[self.flagged], np.repeat(np.arange(len(sizes)), sizes)])

    def state(self) -> dict[str, object]:
        """Return the design as JSON values, which `load` reads."""
        return {
            "sizes": list(self.sizes),
            "means": self.means.tolist(),
            "scales": self.scales.tolist(),
            "flagged": self.flagged.tolist(),
        }

    @classmethod
    def load(cls, state: dict[str, list[float]]) -> "Design":
        """Return the design from the JSON values that its method `state` returned."""
        return cls(
            sizes=tuple(int(size) for size in state["sizes"]),
            means=np.array(state["means"]),
            scales=np.array(state["scales"]),
            flagged=np.array(state["flagged"], bool),
        )
