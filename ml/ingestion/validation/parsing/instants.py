"""Parsing of texts as instants and dates in ISO 8601.

An instant is a date, `T` or a space, and a time with minutes at least: `2024-03-16T20:00`, `2024-03-16
20:00:00.123456+05:30`. Its offset is `Z`, `±hh:mm`, `±hhmm` or `±hh`; without one it is UTC. The year has four digits.
An instant is refused when its fraction is finer than a microsecond, the resolution in which tables are stored, or when
the type of the contract cannot store it.
"""

import numpy as np
import pandas as pd
import polars as pl

from ml.arrays import Booleans
from ml.ingestion.validation.parsing.cells import Cells

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_PLAIN = rf"^{_DATE}T{_CLOCK}:[0-5][0-9]Z$"
_INSTANT = (
    rf"^(?<date>{_DATE})[T ](?<clock>{_CLOCK})(?<seconds>:[0-5][0-9](?:\.(?<fraction>[0-9]{{1,9}}))?)?"
    r"(?:Z|(?<sign>[+-])(?<hours>[01][0-9]|2[0-3])(?::?(?<minutes>[0-5][0-9]))?)?$"
)
_MIDNIGHT = r"[T ]00:00:00(\.0+)?$"
_MICROSECONDS_PER_MINUTE = 60_000_000
_INT64 = np.iinfo(np.int64)
# The range of each unit in microseconds; that of "us" are the years 1 to 9999.
_RANGES = {
    "ns": (-(-_INT64.min // 1000), _INT64.max // 1000),
    "us": (-62_135_596_800_000_000, 253_402_300_799_999_999),
}


def parse_instants(text: pl.Series, dtype: str) -> Cells:
    """Return texts parsed as UTC instants in the unit of `dtype`."""
    parsed = _to_microseconds(text, "%Y-%m-%dT%H:%M:%SZ", _PLAIN)
    others = text.is_not_null() & parsed.is_null()
    too_fine = np.zeros(len(text), bool)
    if others.any():
        values, fine = _parse_general(text.filter(others))
        parsed = parsed.scatter(others.arg_true(), values)
        too_fine[others.to_numpy()] = fine
    return _cells(text, parsed, dtype, "an ISO 8601 instant", too_fine)


def parse_dates(text: pl.Series, dtype: str) -> Cells:
    """Return texts parsed as dates; midnight as a time of day is accepted, because some programs write dates that way."""
    days = text.str.replace(_MIDNIGHT, "")
    parsed = _to_microseconds(days, "%Y-%m-%d", f"^{_DATE}$")
    return _cells(text, parsed, dtype, "a date like 2013-02-08", np.zeros(len(text), bool))


def _parse_general(text: pl.Series) -> tuple[pl.Series, Booleans]:
    """Return texts of any form as microseconds since 1970, and which of them have a finer fraction."""
    parts = text.str.extract_groups(_INSTANT).struct
    fraction = parts.field("fraction").fill_null("").str.pad_end(9, "0")
    clock = parts.field("seconds").str.slice(0, 3).fill_null(":00")
    started = _to_microseconds(parts.field("date") + "T" + parts.field("clock") + clock, "%Y-%m-%dT%H:%M:%S")
    hours, minutes = (parts.field(name).cast(pl.Int64).fill_null(0) for name in ("hours", "minutes"))
    sign = (parts.field("sign") == "-").fill_null(value=False).cast(pl.Int64) * 2 - 1
    offset = sign * (hours * 60 + minutes) * _MICROSECONDS_PER_MINUTE
    fine = (fraction.str.slice(6) != "000").to_numpy()
    return started + fraction.str.slice(0, 6).cast(pl.Int64) + offset, fine


def _to_microseconds(text: pl.Series, form: str, pattern: str = "") -> pl.Series:
    """Return texts that match `pattern`, and that Polars reads in the form `form`, as microseconds since 1970."""
    microseconds = text.str.to_datetime(form, time_unit="us", strict=False).dt.timestamp("us")
    return microseconds.set(~text.str.contains(pattern), None)


def _cells(text: pl.Series, parsed: pl.Series, dtype: str, expected: str, too_fine: Booleans) -> Cells:
    """Return microseconds since 1970 as cells of `dtype`; those beyond its range, or `too_fine`, are refused."""
    unit, is_utc = dtype[len("datetime64[") :][:2], dtype.endswith("UTC]")
    low, high = _RANGES[unit]
    missing = parsed.is_null().to_numpy()
    values = parsed.fill_null(0).to_numpy()
    beyond = ~missing & ((values < low) | (values > high))
    too_fine = too_fine & ~missing & ~beyond
    stored = np.where(missing | beyond | too_fine, np.datetime64("NaT"), values.astype("M8[us]"))
    instants = pd.Series(stored.astype(f"M8[{unit}]"))
    return Cells.refusing(
        instants.dt.tz_localize("UTC") if is_utc else instants,
        (expected, text.is_not_null().to_numpy() & missing),
        (f"{expected} from {_format(low, is_utc)} to {_format(high, is_utc)}", beyond),
        (f"{expected} with at most microseconds, which are stored", too_fine),
    )


def _format(microseconds: int, is_utc: bool) -> str:
    """Return a bound as text; a date is the first or last whole day within it."""
    instant = np.datetime64(microseconds, "us")
    if is_utc:
        return f"{instant}Z"
    return str((instant + np.timedelta64(86_399_999_999, "us") if microseconds < 0 else instant).astype("M8[D]"))
