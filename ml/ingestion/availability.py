"""Availability of rows: when each row became known, and the night that it belongs to."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.usecase import Delay, Night, Table
from ml.usecase.periods import Period

KNOWN_AT, NIGHT = "known_at", "night"


@dataclass(frozen=True, kw_only=True, slots=True)
class AvailableRows:
    """Rows with the columns `known_at` (UTC) and `night` (ISO date); the refusal reason of an accepted row is empty."""

    rows: pd.DataFrame
    refusal_reasons: pd.Series


def assign_nights(rows: pd.DataFrame, table: Table, schedule: Night, period: Period) -> AvailableRows:
    """Return the valid `rows` that landed for `period`, with the instant at which each became known, and its night.

    A row of a table with a column for the night is known at the cutoff of that night.

    A row that should have been known before the cutoff of the night before the period is late: it counts as known at
    the first cutoff of the period. Refused are rows that became known after the last cutoff of the period, rows of
    another night, and rows that do not say when they became known.
    """
    nights = np.array([str(night) for night in schedule.nights(period)])
    cutoffs = pd.DatetimeIndex([schedule.cutoff(night) for night in schedule.nights(period)]).as_unit("us")
    if table.night is not None:
        row_nights = rows[table.night].dt.strftime("%Y-%m-%d")
        named = ("one of " + row_nights).fillna("one that names no night")
        refusal_reasons = pd.Series(
            np.where(row_nights.isin(nights), "", f"expected a row of {period}, got " + named), rows.index
        )
        known_at = row_nights.map(dict(zip(nights, cutoffs, strict=True)))
        return AvailableRows(rows=rows.assign(known_at=known_at, night=row_nights), refusal_reasons=refusal_reasons)
    declared_known_at = _declared_known_at(rows, table)
    previous_cutoff = pd.Timestamp(schedule.cutoff(schedule.previous(period.first))).as_unit("us")
    known_at = declared_known_at.where(declared_known_at > previous_cutoff, cutoffs[0])
    night_index = np.minimum(cutoffs.searchsorted(pd.DatetimeIndex(known_at)), len(nights) - 1)
    too_late = f"known only after the cutoff, {cutoffs[-1]:%Y-%m-%d %H:%M} UTC"
    reason_texts = np.select(
        [declared_known_at.isna(), declared_known_at > cutoffs[-1]], ["does not say when it became known", too_late], ""
    )
    refusal_reasons = pd.Series(reason_texts, rows.index)
    return AvailableRows(
        rows=rows.assign(known_at=known_at, night=nights[night_index]), refusal_reasons=refusal_reasons
    )


def _declared_known_at(rows: pd.DataFrame, table: Table) -> pd.Series:
    """Return the instants at which the rows became known, in microseconds, in which any year can be delayed."""
    match table.known_at:
        case Delay(after=column, hours=hours):
            after: pd.Series = rows[column].dt.as_unit("us")
            return after + pd.Timedelta(hours=hours).ceil("us").as_unit("us")
        case str(column):
            known_at: pd.Series = rows[column].dt.as_unit("us")
            return known_at
        case None:
            return pd.Series(pd.Timestamp.min.tz_localize("UTC").as_unit("us"), rows.index)
