"""Encoding of features as numbers: the one transformation that training, batch scoring and online scoring share."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from ml.arrays import Floats
from ml.errors import DataError
from ml.scoring.ngrams import Projection

if TYPE_CHECKING:
    import pandas as pd

Levels = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """The fitted encoding, in the order of the features.

    `levels` maps each feature to its sorted levels in training, or to None for a number or a text. `texts` has the
    projection of each text feature, which fills several encoded columns.
    """

    levels: Mapping[str, Levels | None]
    texts: Mapping[str, Projection] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.levels)

    @property
    def sizes(self) -> tuple[int | None, ...]:
        """Return the number of levels of each encoded column; None for a number."""
        return tuple(
            None if levels is None else len(levels)
            for name, levels in self.levels.items()
            for _ in range(self._width(name))
        )

    @property
    def columns(self) -> dict[str, range]:
        """Return the range of encoded columns that each feature fills."""
        offsets = list(accumulate((self._width(name) for name in self.levels), initial=0))
        return {name: range(*offsets[index : index + 2]) for index, name in enumerate(self.levels)}

    def _width(self, name: str) -> int:
        return self.texts[name].text.components if name in self.texts else 1

    @property
    def categories(self) -> tuple[int, ...]:
        """Return the indices of the encoded columns that are categories."""
        return tuple(i for i, size in enumerate(self.sizes) if size is not None)

    def encode(self, frame: "pd.DataFrame") -> Floats:
        """Return float64 of shape (n, columns): numbers unchanged, categories as level indices, texts projected.

        A level not seen in training is encoded as missing (NaN). Raises DataError when `frame` lacks a feature.
        """
        self._check_features(frame)
        columns = [self._column(name, frame[name]) for name in self.levels]
        return np.column_stack(columns)

    def encode_row(self, row: Mapping[str, object]) -> Floats:
        """Return the encoded features of one row, shape (1, columns), for online scoring; it does not need pandas.

        Raises DataError as `encode` does.
        """
        if self.texts:
            self._check_features(row)
            return np.array([[cell for name in self.levels for cell in self._cells(name, row[name])]], np.float64)
        try:
            cells = [
                row[name] if codes is None else codes.get(row[name], np.nan)
                for name, codes in self._level_codes.items()
            ]
        except KeyError:
            self._check_features(row)
            raise
        return np.array([cells], np.float64)

    def _check_features(self, available: Container[object]) -> None:
        missing = [name for name in self.levels if name not in available]
        if missing:
            raise DataError(f"expected the features {list(self.levels)}, missing: {missing}; build them before scoring")

    def _column(self, name: str, column: "pd.Series") -> Floats:
        codes = self._level_codes[name]
        if name in self.texts:
            return self.texts[name].apply(column)
        if codes is None:
            return column.to_numpy(np.float64, na_value=np.nan)
        if hasattr(column, "cat"):  # one look-up for each level, not for each row; the code of a missing value is -1
            return np.array([*(codes.get(level, np.nan) for level in column.cat.categories), np.nan])[column.cat.codes]
        return np.asarray(column.astype(object).map(codes), np.float64)

    def _cells(self, name: str, value: object) -> Iterable[float]:
        codes = self._level_codes[name]
        if codes is not None:
            return (codes.get(value, np.nan),)
        if name in self.texts:
            return [float(each) for each in self.texts[name].apply([value])[0]]
        return (np.nan if value is None else float(value),)  # type: ignore[arg-type]  # a number by the contract

    @cached_property
    def _level_codes(self) -> dict[str, dict[object, float] | None]:
        return {
            name: None if levels is None else {level: float(i) for i, level in enumerate(levels)}
            for name, levels in self.levels.items()
        }
