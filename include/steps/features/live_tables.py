"""The tables as a live horizon has them: those of the night, and the rows that became known since."""

from collections.abc import Mapping
from datetime import date, datetime

import pandas as pd

from include.settings import Settings
from include.stores.table_snapshot import TableSnapshot
from ml.features import cutoffs_by_entity
from ml.ingestion.availability import KNOWN_AT
from ml.usecase import Live, UseCase

INTRADAY = "intraday"  # the stage of the lake with the rows since the night
REQUESTED_AT = "asked_at"


class LiveTables(TableSnapshot):
    """The valid tables up to a night, plus the intraday rows that became known by a moment.

    Entities have an extra column, the time as of which to build their features: the live cutoff, or the moment if that
    is earlier. `versions` fixes the versions of the tables, as in `TableSnapshot`.
    """

    def __init__(
        self,
        case: UseCase,
        live: Live,
        night: date,
        moment: datetime,
        settings: Settings,
        versions: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(settings.lake, case.dataset, versions)
        self._case, self._live, self._night, self._moment = case, live, night, pd.Timestamp(moment)

    def read(
        self, stage: str, table: str, first: str = "", last: str = "9999", columns: list[str] | None = None
    ) -> pd.DataFrame:
        """Return the rows of a valid table, with intraday rows; the arguments are those of `TableSnapshot.read`."""
        rows = super().read(stage, table, first, min(last, str(self._night)), columns)
        following = str(self._case.schedule.previous(self._night, -1))
        since = super().read(INTRADAY, table, following, following, columns)
        if not since.empty:
            since = since[since[KNOWN_AT] <= self._moment]
        if not since.empty:
            rows = pd.concat([rows, since.astype(rows.dtypes)], ignore_index=True) if len(rows) else since
        if table != self._case.entities or rows.empty:
            return rows
        cutoff = rows[self._live.before] - pd.Timedelta(hours=self._live.hours)
        return rows.assign(**{REQUESTED_AT: cutoff.where(cutoff <= self._moment, self._moment)})

    def cutoffs(self) -> "pd.Series[pd.Timestamp]":
        """Return the live cutoff of each of tonight's entities, by entity."""
        night = str(self._night)
        return cutoffs_by_entity(self._case, self._live, super().read("valid", self._case.entities, night, night))
