"""What needs one row and no other: its entity's id, its cutoff, and row-level functions."""

import inspect
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from ml.arrays import Integers
from ml.errors import DeclarationError
from ml.features import point_in_time
from ml.usecase import Live, Night, UseCase

_NEVER = np.iinfo(np.int64).min // 10**9  # what becomes of an instant that is missing
Functions = Mapping[str, Callable[..., "pd.Series[float]"]]


def entity_ids(use_case: UseCase, rows: pd.DataFrame) -> pd.Series:
    """Return the id of each row's entity: the entity table's key, joined by `|`."""
    first, *others = (to_text(rows[name]) for name in use_case.table(use_case.entities).key)
    for other in others:
        first = first + "|" + other
    return first


def cutoffs(use_case: UseCase, horizon: Night | Live, entities: pd.DataFrame) -> Integers:
    """Return each entity's cutoff in seconds since 1970; one without an instant of its own knows nothing."""
    if isinstance(horizon, Live):
        return point_in_time.seconds_before(entities[horizon.before], horizon.hours)
    nights = entities[use_case.night_column]
    seconds = {night: int(horizon.cutoff(night.date()).timestamp()) for night in nights.unique()}
    return nights.map(seconds).to_numpy(np.int64)


def instants(cutoffs: Integers) -> pd.Series:
    """Return seconds since 1970 as instants (UTC), to the microsecond as the lake keeps them; missing where there is none."""
    instants = np.where(cutoffs > _NEVER, cutoffs.astype("M8[s]").astype("M8[us]"), np.datetime64("NaT", "us"))
    return pd.Series(pd.DatetimeIndex(instants, tz="UTC"))


def call(
    function: Callable[..., "pd.Series[float]"], rows: Mapping[str, pd.Series] | pd.DataFrame
) -> "pd.Series[float]":
    """Return what a row-level `function` makes of the columns that its parameters name.

    Raises DeclarationError unless that is a column with a value for each row.
    """
    columns = {name: rows[name] for name in inspect.signature(function).parameters}
    made = function(**columns)
    if not isinstance(made, pd.Series) or any(len(made) != len(column) for column in columns.values()):
        what = f"a column of {len(made)}" if isinstance(made, pd.Series) else f"a {type(made).__name__}"
        raise DeclarationError(
            f"expected {function.__name__}() of features.py to return a pd.Series with a value for each of its rows, got {what}"
        )
    return made


def call_numeric(
    function: Callable[..., "pd.Series[float]"], rows: Mapping[str, pd.Series] | pd.DataFrame
) -> "pd.Series[float]":
    """Return what `call` does, for a column that is stored; raises DeclarationError unless it is one of numbers."""
    made = call(function, rows)
    if not pd.api.types.is_numeric_dtype(made.dtype):
        raise DeclarationError(
            f"expected {function.__name__}() of features.py, which a table derives, to return numbers, got {made.dtype}: "
            "end it with .astype(float)"
        )
    return made


def to_text(column: pd.Series) -> pd.Series:
    """Return dates as ISO dates, whole numbers without a point, all else as it prints; each level is written once."""
    codes, levels = pd.factorize(column, use_na_sentinel=False)
    texts = np.array([_format_level(level) for level in levels], dtype=object)
    return pd.Series(texts[codes], column.index, dtype=object)


def _format_level(level: object) -> str:
    match level:
        case pd.Timestamp(tzinfo=None):
            return level.strftime("%Y-%m-%d")
        case float() if level.is_integer():
            return str(int(level))
        case _:
            return str(level).replace("\\", "\\\\").replace("|", "\\|")
