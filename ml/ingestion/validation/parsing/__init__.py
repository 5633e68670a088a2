"""Parsing of text columns as the types of a contract; each distinct text is parsed once, and no type is inferred.

The value of a cell depends on its text only: not on other cells of its column, and not on the clock. A text that the
type cannot store exactly is refused; only decimal fractions and exponents of floats are rounded, to the nearest value.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl

from ml.arrays import Booleans, Integers
from ml.ingestion.validation.parsing import instants, numbers, written
from ml.ingestion.validation.parsing.cells import Cells, Refusal
from ml.usecase import CsvFormat

__all__ = ["ParsedColumn", "Refusal", "parse", "supports"]

_TRUE, _FALSE = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")
_TIMES = tuple(f"datetime64[{unit}{zone}]" for unit in ("ns", "us") for zone in ("", ", UTC"))


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedColumn:
    """A parsed column, stored as distinct values.

    `codes` has, for each row, its index into `texts` and `values`. `values` have the type of the contract, or its
    nullable form (Int8 for int8), and are missing for empty, refused and "never" cells. `never` marks the texts that
    are declared to mean that an instant or a date never comes.
    """

    codes: Integers
    texts: list[str]
    values: pd.Series
    refusals: tuple[Refusal, ...]
    never: Booleans

    @property
    def unreadable(self) -> Booleans:
        """The mask of the texts that are refused."""
        masks: Booleans = np.any([np.zeros(len(self.texts), bool), *(each.mask for each in self.refusals)], axis=0)
        return masks

    def to_series(self, index: pd.Index) -> pd.Series:
        """Return the column with one value per row."""
        return self.values.take(self.codes).set_axis(index)


def supports(dtype: str) -> bool:
    """Return whether a contract may have columns of the type `dtype`.

    >>> supports("float64"), supports("complex128")
    (True, False)
    """
    return _reader(dtype) is not None


def parse(
    raw: pd.Series,
    dtype: str,
    missing: tuple[str, ...] = ("",),
    never: tuple[str, ...] = (),
    form: CsvFormat = CsvFormat(),
) -> ParsedColumn:
    """Return a text column parsed as `dtype`, white space around a text ignored.

    Texts in `missing` are empty cells. Texts in `never` stand for an instant or a date that never comes. The others are
    written as `form` says.

    >>> column = parse(pd.Series([" 7", "NA", "7.5"]), "int64", missing=("NA",))
    >>> column.to_series(pd.RangeIndex(3)).tolist(), column.unreadable.tolist(), column.refusals[0].expected
    ([7, <NA>, <NA>], [False, False, True], 'a whole number')
    """
    codes, levels = _distinct(raw)
    stripped = pl.Series(levels, dtype=pl.String).str.strip_chars()
    is_never = stripped.is_in(list(never) if dtype in _TIMES else [])
    reader = _reader(dtype)
    assert reader is not None, f"coherence lets no contract ask for {dtype}"
    given = stripped.set(stripped.is_in([*missing, ""]) | is_never, None)
    rewritten, refused = (given, ()) if form.is_default else _rewrite(given, dtype, form)
    cells = reader(rewritten, dtype)
    return ParsedColumn(
        codes=codes,
        texts=levels,
        values=cells.values,
        refusals=(*Cells.refusing(cells.values, *refused).refusals, *cells.refusals),
        never=is_never.to_numpy(),
    )


def _rewrite(text: pl.Series, dtype: str, form: CsvFormat) -> tuple[pl.Series, Sequence[written.Refused]]:
    if dtype in (*numbers.FLOATS, *numbers.INTEGERS):
        return written.rewrite_numbers(text, form)
    if dtype in ("bool", "boolean"):
        return written.rewrite_booleans(text, form), ()
    if dtype in _TIMES:
        rewrite = written.rewrite_instants if dtype.endswith("UTC]") else written.rewrite_dates
        return rewrite(text, form)
    return text, ()


def _distinct(raw: pd.Series) -> tuple[Integers, list[str]]:
    if isinstance(raw.dtype, pd.CategoricalDtype):
        return raw.cat.codes.to_numpy().astype(np.int64), raw.cat.categories.tolist()
    codes, levels = pd.factorize(raw)
    return np.asarray(codes, np.int64), levels.tolist()


Reader = Callable[[pl.Series, str], Cells]


def _reader(dtype: str) -> Reader | None:
    if dtype in numbers.FLOATS:
        return numbers.parse_floats
    if dtype in numbers.INTEGERS:
        return numbers.parse_integers
    if dtype in _TIMES:
        return instants.parse_instants if dtype.endswith("UTC]") else instants.parse_dates
    if dtype in ("bool", "boolean"):
        return _booleans
    return _texts if dtype in ("str", "object", "category") or dtype.startswith("string") else None


def _booleans(text: pl.Series, _dtype: str) -> Cells:
    lower = text.str.to_lowercase()
    is_true, is_false = (lower.is_in(list(words)).fill_null(value=False).to_numpy() for words in (_TRUE, _FALSE))
    is_known = is_true | is_false
    values = pd.Series(pd.arrays.BooleanArray(is_true.copy(), ~is_known))
    return Cells.refusing(values, ("true or false", text.is_not_null().to_numpy() & ~is_known))


def _texts(text: pl.Series, _dtype: str) -> Cells:
    return Cells(values=text.to_pandas().astype(object))
