"""Parsing of text columns as the types of a contract; each distinct text is parsed once, and no type is inferred."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl

from ml.arrays import Booleans, Integers

_TRUE, _FALSE = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")
_EXACT = 2.0**53 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedColumn:
    """A parsed column, stored as distinct values.

    `codes` has, for each row, its index into `texts` and `values`; `values` are typed and may be missing. `unreadable`
    marks the texts that could not be parsed, and `expected` describes valid texts.
    """

    codes: Integers
    texts: list[str]
    values: pd.Series
    unreadable: Booleans
    expected: str

    def to_series(self, index: pd.Index) -> pd.Series:
        """Return the column with one value per row."""
        return self.values.take(self.codes).set_axis(index)


def supports(dtype: str) -> bool:
    """Return whether a contract may have columns of the type `dtype`.

    >>> supports("float64"), supports("complex128")
    (True, False)
    """
    return _reader(dtype) is not None


def is_widened(dtype: str) -> bool:
    """Return whether `parse` returns a wider type than `dtype`, because cells may be missing."""
    return not dtype.startswith(("float64", "datetime", "str", "object"))


def parse(raw: pd.Series, dtype: str, missing: tuple[str, ...] = ("",)) -> ParsedColumn:
    """Return a text column parsed as `dtype`; texts that are in `missing` after stripping are empty cells.

    >>> column = parse(pd.Series([" 7", "NA", "7.5"]), "int64", missing=("NA",))
    >>> column.to_series(pd.RangeIndex(3)).tolist(), column.unreadable.tolist(), column.expected
    ([7.0, nan, nan], [False, False, True], 'a whole number')
    """
    codes, levels = _distinct(raw)
    stripped = pl.Series(levels, dtype=pl.String).str.strip_chars()
    empty = stripped.is_in([*missing, ""])
    reader = _reader(dtype)
    assert reader is not None, f"coherence lets no contract ask for {dtype}"
    values, expected = reader(stripped.set(empty, None))
    unreadable = values.isna().to_numpy(bool) & ~empty.to_numpy()
    return ParsedColumn(codes=codes, texts=levels, values=values, unreadable=unreadable, expected=expected)


def _distinct(raw: pd.Series) -> tuple[Integers, list[str]]:
    if isinstance(raw.dtype, pd.CategoricalDtype):
        return raw.cat.codes.to_numpy().astype(np.int64), raw.cat.categories.tolist()
    codes, levels = pd.factorize(raw)
    return np.asarray(codes, np.int64), levels.tolist()


Reader = Callable[[pl.Series], tuple[pd.Series, str]]


def _reader(dtype: str) -> Reader | None:
    families: dict[tuple[str, ...], Reader] = {
        ("float", "Float"): _numbers,
        ("int", "Int", "uint", "UInt"): _whole_numbers,
        ("bool",): _booleans,
        ("datetime64[ns, UTC]", "datetime64[us, UTC]"): _instants,
        ("datetime64[ns]", "datetime64[us]"): _dates,
        ("str", "object", "category"): _texts,
    }
    return next((reader for starts, reader in families.items() if dtype.startswith(starts)), None)


def _numbers(text: pl.Series) -> tuple[pd.Series, str]:
    numbers = pd.Series(text.cast(pl.Float64, strict=False).to_numpy(), dtype=np.float64)
    return numbers.mask(np.isinf(numbers)), "a finite number"


def _whole_numbers(text: pl.Series) -> tuple[pd.Series, str]:
    numbers, _ = _numbers(text)
    return numbers.where((numbers % 1 == 0) & (numbers.abs() <= _EXACT)), "a whole number"


def _booleans(text: pl.Series) -> tuple[pd.Series, str]:
    words = dict.fromkeys(_TRUE, 1.0) | dict.fromkeys(_FALSE, 0.0)
    return text.str.to_lowercase().to_pandas().map(words).astype(np.float64), "true or false"


def _instants(text: pl.Series) -> tuple[pd.Series, str]:
    """Parse the most common form of an instant in one pass, and any other ISO 8601 form with pandas."""
    instants = (
        text.str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="ns", strict=False).to_pandas().dt.tz_localize("UTC")
    )
    others = np.flatnonzero(text.is_not_null().to_numpy() & instants.isna().to_numpy())
    if len(others):
        parsed = pd.to_datetime(text[others].to_pandas(), errors="coerce", utc=True, format="ISO8601")
        instants = instants.fillna(parsed.dt.as_unit("ns").set_axis(others))
    return instants, "an ISO 8601 instant"


def _dates(text: pl.Series) -> tuple[pd.Series, str]:
    """Parse calendar days; midnight as a time of day is accepted, because some programs write dates that way."""
    days = text.str.replace(r"[T ]00:00:00(\.0+)?$", "").to_pandas()
    return pd.to_datetime(days, errors="coerce", format="%Y-%m-%d").astype("datetime64[ns]"), "a date like 2013-02-08"


def _texts(text: pl.Series) -> tuple[pd.Series, str]:
    return text.to_pandas().astype(object), "text"
