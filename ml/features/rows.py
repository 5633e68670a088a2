"""Computations on single rows: entity ids, cutoffs, and row-level functions of a use case."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ml.arrays import Integers
from ml.errors import DeclarationError
from ml.features import point_in_time
from ml.usecase import Live, Night, UseCase
from ml.usecase.safe_names import column_of

MISSING_PART = "\\N"
Functions = Mapping[str, Callable[..., "pd.Series[float]"]]


def entity_ids(use_case: UseCase, rows: pd.DataFrame) -> pd.Series:
    """Return the entity id of each row: the values of the entity table's key, joined by `|`; a missing one is `\\N`."""
    first, *others = (to_text(rows[name]) for name in use_case.table(use_case.entities).key)
    for other in others:
        first = first + "|" + other
    return first


def cutoffs(use_case: UseCase, horizon: Night | Live, entities: pd.DataFrame) -> Integers:
    """Return each entity's cutoff in seconds since 1970; without an instant of its own, it is before all rows."""
    if isinstance(horizon, Live):
        return point_in_time.seconds_before(entities[horizon.before], horizon.hours)
    nights = entities[use_case.night_column]
    seconds = {night: int(horizon.cutoff(night.date()).timestamp()) for night in nights.unique()}
    return nights.map(seconds).to_numpy(np.int64)


def instants(cutoffs: Integers) -> pd.Series:
    """Return seconds since 1970 as UTC instants in microseconds, the lake's resolution; missing if there is none."""
    instants = np.where(
        cutoffs > point_in_time.MISSING, cutoffs.astype("M8[s]").astype("M8[us]"), np.datetime64("NaT", "us")
    )
    return pd.Series(pd.DatetimeIndex(instants, tz="UTC"))


def call(
    function: Callable[..., "pd.Series[float]"], rows: Mapping[str, pd.Series] | pd.DataFrame
) -> "pd.Series[float]":
    """Return the result of a row-level `function` for the columns of `rows` that its parameters name.

    A parameter names a column by its safe name (`ml.usecase.safe_names`). Raises DeclarationError unless the result is
    a Series with one value per row.
    """
    columns = {name: rows[column_of(name, rows.keys())] for name in inspect.signature(function).parameters}
    made = function(**columns)
    if not isinstance(made, pd.Series) or any(len(made) != len(column) for column in columns.values()):
        what = f"a column of {len(made)}" if isinstance(made, pd.Series) else f"a {type(made).__name__}"
        raise DeclarationError(
            f"expected {function.__name__}() of features.py to return a pd.Series with a value for each of its rows, "
            f"got {what}"
        )
    return made


def call_feature(
    function: Callable[..., "pd.Series[float]"], rows: Mapping[str, pd.Series] | pd.DataFrame
) -> "pd.Series[float]":
    """Return the result of `call` for a feature; raises DeclarationError for instants, durations and complex numbers."""
    made = call(function, rows)
    if isinstance(made.dtype, pd.PeriodDtype | pd.IntervalDtype) or made.dtype.kind in "mMc":
        raise DeclarationError(
            f"expected {function.__name__}() of features.py, a feature, to return numbers, booleans or texts, "
            f"got {made.dtype}: return a number instead, such as the hour of an instant or the hours of a duration"
        )
    return made


def call_numeric(
    function: Callable[..., "pd.Series[float]"], rows: Mapping[str, pd.Series] | pd.DataFrame
) -> "pd.Series[float]":
    """Return the result of `call` for a derived column; raises DeclarationError unless it is numeric."""
    made = call(function, rows)
    if not pd.api.types.is_numeric_dtype(made.dtype):
        raise DeclarationError(
            f"expected {function.__name__}() of features.py, which a table derives, to return numbers, "
            f"got {made.dtype}: end it with .astype(float)"
        )
    return made


def to_text(column: pd.Series) -> pd.Series:
    r"""Return values as text: dates in ISO format, whole numbers without a decimal point; `|` and backslash are escaped.

    A missing value is `\N`, which no text is, because of the escapes.

    >>> to_text(pd.Series([2.0, 2.5])).tolist(), to_text(pd.Series(["a|b", None])).tolist()
    (['2', '2.5'], ['a\\|b', '\\N'])
    >>> to_text(pd.Series(pd.to_datetime(["2013-02-08"]))).tolist()
    ['2013-02-08']
    """
    codes, levels = pd.factorize(column, use_na_sentinel=False)
    texts = np.array([_format_level(level) for level in levels], dtype=object)
    return pd.Series(texts[codes], column.index, dtype=object)


def _format_level(level: Any) -> str:
    if pd.isna(level):
        return MISSING_PART
    match level:
        case pd.Timestamp(tzinfo=None):
            return level.strftime("%Y-%m-%d")
        case float() if level.is_integer():
            return str(int(level))
        case _:
            return str(level).replace("\\", "\\\\").replace("|", "\\|")
