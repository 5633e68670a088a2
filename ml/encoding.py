"""Features as numbers: the one transformation that training, batch and single answers share."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ml.arrays import Floats
from ml.errors import DataError

Levels = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """The features in order, and for each category its levels as seen in training (None for a number)."""

    levels: Mapping[str, Levels | None]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.levels)

    @property
    def categories(self) -> tuple[int, ...]:
        """Return the positions of the categorical features."""
        return tuple(i for i, levels in enumerate(self.levels.values()) if levels is not None)

    def encode(self, frame: pd.DataFrame) -> Floats:
        """Return float64 of shape (n, features): numbers as they are, categories as level index.

        A level not seen in training is missing (NaN). Raises DataError when a feature is not in `frame`.
        """
        self._require(frame)
        columns = [self._column(frame[name], levels) for name, levels in self.levels.items()]
        return np.column_stack(columns)

    def encode_row(self, row: Mapping[str, object]) -> Floats:
        """Return one row's features, shape (1, features), without a frame: the path of single answers.

        Raises DataError as `encode` does.
        """
        self._require(row)
        return np.array([[self._cell(name, row[name]) for name in self.levels]], np.float64)

    def _require(self, given: Container[object]) -> None:
        missing = [name for name in self.levels if name not in given]
        if missing:
            raise DataError(f"expected the features {list(self.levels)}, missing: {missing}; build them before scoring")

    def _column(self, column: pd.Series, levels: Levels | None) -> Floats:
        if levels is None:
            return column.to_numpy(np.float64, na_value=np.nan)
        codes = pd.Categorical(column.astype(object), categories=list(levels)).codes.astype(np.float64)
        return np.where(codes < 0, np.nan, codes)

    def _cell(self, name: str, value: object) -> float:
        places = self._places[name]
        if places is not None:
            return places.get(value, np.nan)
        return np.nan if value is None else float(value)  # type: ignore[arg-type]  # a number by contract

    @cached_property
    def _places(self) -> dict[str, dict[object, float] | None]:
        return {
            name: None if levels is None else {level: float(i) for i, level in enumerate(levels)}
            for name, levels in self.levels.items()
        }


def fit(frame: pd.DataFrame, names: tuple[str, ...]) -> Encoder:
    """Return the encoder of the features `names`, with the levels that each category has in `frame`, sorted."""
    return Encoder(levels={name: _levels(frame[name]) for name in names})


def _levels(column: pd.Series) -> Levels | None:
    if pd.api.types.is_numeric_dtype(column.dtype):
        return None
    return tuple(sorted(column.dropna().astype(str).unique()))
