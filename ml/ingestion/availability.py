"""When each row became known, and which night it belongs to."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.periods import Period
from ml.usecase import Delay, Night, Table

KNOWN_AT, NIGHT = "known_at", "night"


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """Rows with `known_at` (UTC) and `night` (ISO date); `refused` says, for each row, why it may not come (or "")."""

    rows: pd.DataFrame
    refused: pd.Series


def place(rows: pd.DataFrame, table: Table, horizon: Night, period: Period) -> Arrived:
    """Return the valid `rows` that landed for `period`, each with the instant it became known and its night.

    A row that could have been known before this landing but came only now is late: it is known at the cutoff of the
    night it came for. A row from after the period's last cutoff, of another night, or of no known instant is refused.
    """
    nights = np.array([str(night) for night in horizon.nights(period)])
    cutoffs = pd.DatetimeIndex([horizon.cutoff(night) for night in horizon.nights(period)])
    if table.night is not None:
        named = rows[table.night].dt.strftime("%Y-%m-%d")
        refused = pd.Series(
            np.where(named.isin(nights), "", "belongs to the night " + named + f", not to {period}"), rows.index
        )
        known = named.map(dict(zip(nights, cutoffs, strict=True)))
        return Arrived(rows=rows.assign(known_at=known, night=named), refused=refused)
    declared = _declared(rows, table)
    since = pd.Timestamp(horizon.cutoff(horizon.before(period.first)))
    known = declared.where(declared > since, cutoffs[0])
    place = np.minimum(cutoffs.searchsorted(pd.DatetimeIndex(known)), len(nights) - 1)
    after = f"known only after the cutoff, {cutoffs[-1]:%Y-%m-%d %H:%M} UTC"
    why = np.select([declared.isna(), declared > cutoffs[-1]], ["does not say when it became known", after], "")
    refused = pd.Series(why, rows.index)
    return Arrived(rows=rows.assign(known_at=known, night=nights[place]), refused=refused)


def _declared(rows: pd.DataFrame, table: Table) -> pd.Series:
    match table.known_at:
        case Delay(after=column, hours=hours):
            return rows[column] + pd.Timedelta(hours=hours)
        case str(column):
            return rows[column]
        case None:
            return pd.Series(pd.Timestamp.min.tz_localize("UTC"), rows.index)
