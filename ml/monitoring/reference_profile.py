"""Reference profiles: the part of reference rows that drift and data quality are measured with.

A profile gives the numbers that its rows would give. Packages keep the profile of the training rows, so that monitoring
does not read these rows.
"""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from ml.arrays import Floats, Integers
from ml.monitoring import binning
from ml.monitoring.binning import Bins, LevelBins, NumberBins

SCORE = "score"
_MAX_ROWS = 20_000
_FORMAT = 1


class ColumnKind(StrEnum):
    """How the values of a column are compared: as numbers, as levels, or as texts by their length."""

    NUMBER = "number"
    CATEGORY = "category"
    TEXT = "text"


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnProfile:
    """The bins of a column of the reference, and the range of its finite numbers or lengths; None without any.

    `sample` has the bins of the evenly spaced sample, which are `bins` if the reference has 20,000 rows or fewer.
    """

    kind: ColumnKind
    bins: Bins
    sample: Bins
    low: float | None
    high: float | None

    def values(self, column: pd.Series) -> pd.Series:
        """Return the values of `column` that are compared: those of a text column are its lengths."""
        return _lengths(column) if self.kind is ColumnKind.TEXT else column


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceProfile:
    """The profile of the columns of `rows` reference rows."""

    rows: int
    columns: Mapping[str, ColumnProfile]

    @property
    def sample_rows(self) -> int:
        return min(self.rows, _MAX_ROWS)

    def select(self, names: Sequence[str]) -> "ReferenceProfile":
        """Return the profile of the columns `names`, in this order."""
        return ReferenceProfile(rows=self.rows, columns={name: self.columns[name] for name in names})

    def describes(self, names: Collection[str], texts: Collection[str]) -> bool:
        """Return whether the profile has all columns `names`, and exactly those in `texts` by their length."""
        return all(
            name in self.columns and (self.columns[name].kind is ColumnKind.TEXT) == (name in texts) for name in names
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingProfile:
    """The profiles of the features of a model's training nights, and of its own scores for a sample of these rows."""

    features: ReferenceProfile
    scores: ReferenceProfile


def build(rows: pd.DataFrame, texts: Collection[str] = ()) -> ReferenceProfile:
    """Return the profile of the columns of `rows`; `texts` are the columns that are measured by their length.

    >>> profile = build(pd.DataFrame({"zone": ["east", "west", "east"], "note": ["a", "abc", None]}), ["note"])
    >>> profile.columns["zone"].bins
    LevelBins(counts={'east': 2, 'west': 1}, missing=0)
    >>> profile.columns["note"].low, profile.columns["note"].high
    (1.0, 3.0)
    """
    positions = evenly_spaced(len(rows), _MAX_ROWS) if len(rows) > _MAX_ROWS else None
    columns = {str(name): _profile_column(rows[name], positions, is_text=name in texts) for name in rows.columns}
    return ReferenceProfile(rows=len(rows), columns=columns)


def build_for_training(rows: pd.DataFrame, scores: Floats, texts: Collection[str]) -> TrainingProfile:
    """Return the profiles of the features in `rows`, those that may be reported on, and of `scores`, shape (n,)."""
    return TrainingProfile(features=build(rows, texts), scores=build(pd.DataFrame({SCORE: scores})))


def sample_evenly(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `rows` or, of more than 20,000 rows, 20,000 evenly spaced ones."""
    return rows if len(rows) <= _MAX_ROWS else rows.iloc[evenly_spaced(len(rows), _MAX_ROWS)]


def evenly_spaced(rows: int, limit: int) -> Integers:
    """Return the positions of all rows or, if there are more than `limit`, of `limit` evenly spaced ones.

    >>> evenly_spaced(3, limit=5).tolist(), evenly_spaced(9, limit=3).tolist()
    ([0, 1, 2], [0, 4, 8])
    """
    return np.linspace(0, rows - 1, min(rows, limit)).astype(np.int64)


def to_json(profile: TrainingProfile) -> bytes:
    """Return `profile` as JSON, the same bytes for equal profiles; `from_json` reads it."""
    stored = {
        "format": _FORMAT,
        "features": _profile_to_json(profile.features),
        "scores": _profile_to_json(profile.scores),
    }
    return json.dumps(stored, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def from_json(content: bytes) -> TrainingProfile | None:
    """Return the profile that `to_json` wrote; None if it has another format than this release's."""
    stored = json.loads(content)
    if stored["format"] != _FORMAT:
        return None
    return TrainingProfile(features=_profile_from_json(stored["features"]), scores=_profile_from_json(stored["scores"]))


def _profile_column(column: pd.Series, positions: Integers | None, *, is_text: bool) -> ColumnProfile:
    values = _lengths(column) if is_text else column
    is_number = is_text or pd.api.types.is_numeric_dtype(values.dtype)
    count = binning.count_numbers if is_number else binning.count_levels
    bins = count(values)
    low, high = _finite_range(values) if is_number else (None, None)
    return ColumnProfile(
        kind=ColumnKind.TEXT if is_text else ColumnKind.NUMBER if is_number else ColumnKind.CATEGORY,
        bins=bins,
        sample=bins if positions is None else count(values.iloc[positions]),
        low=low,
        high=high,
    )


def _lengths(column: pd.Series) -> pd.Series:
    return column.astype(object).map(len, na_action="ignore").astype(np.float64)


def _finite_range(column: pd.Series) -> tuple[float | None, float | None]:
    values = column.to_numpy(np.float64, na_value=np.nan)
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if len(finite) else (None, None)


def _profile_to_json(profile: ReferenceProfile) -> dict[str, object]:
    columns = {
        name: {
            "kind": column.kind,
            "low": column.low,
            "high": column.high,
            "bins": _bins_to_json(column.bins),
            "sample": None if profile.rows == profile.sample_rows else _bins_to_json(column.sample),
        }
        for name, column in profile.columns.items()
    }
    return {"rows": profile.rows, "columns": columns}


def _profile_from_json(stored: Mapping[str, Any]) -> ReferenceProfile:
    columns = {}
    for name, column in stored["columns"].items():
        bins = _bins_from_json(column["bins"])
        columns[name] = ColumnProfile(
            kind=ColumnKind(column["kind"]),
            bins=bins,
            sample=bins if column["sample"] is None else _bins_from_json(column["sample"]),
            low=column["low"],
            high=column["high"],
        )
    return ReferenceProfile(rows=stored["rows"], columns=columns)


def _bins_to_json(bins: Bins) -> dict[str, object]:
    if isinstance(bins, LevelBins):
        return {"levels": dict(bins.counts), "missing": bins.missing}
    edges = [edge if math.isfinite(edge) else str(edge) for edge in bins.edges]  # JSON has no infinite numbers
    return {"edges": edges, "counts": bins.counts, "missing": bins.missing}


def _bins_from_json(stored: Mapping[str, Any]) -> Bins:
    if "levels" in stored:
        return LevelBins(counts=stored["levels"], missing=stored["missing"])
    return NumberBins(
        edges=tuple(map(float, stored["edges"])), counts=tuple(stored["counts"]), missing=stored["missing"]
    )
