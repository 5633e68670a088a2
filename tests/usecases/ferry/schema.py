"""What the toy's files promise."""

from typing import Annotated

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

Instant = Annotated[pd.DatetimeTZDtype, "ns", "UTC"]
PIERS = ["east", "old town", "quay"]


class _Planned(pa.DataFrameModel):
    class Config:
        strict = True

    crossing_date: Series[pd.Timestamp]
    crossing: Series[int] = pa.Field(ge=0)
    pier: Series[str] = pa.Field(isin=PIERS)
    sails_at: Series[Instant]


class Sailing(_Planned):
    """A crossing planned for a day."""

    tonnes: Series[float] = pa.Field(gt=0, le=500)


class Crossing(_Planned):
    """How long a crossing waited before it sailed."""

    crew: Series[str]
    waited_minutes: Series[float] = pa.Field(ge=0, le=600)
    moored_at: Series[Instant]


class Buoy(pa.DataFrameModel):
    """The swell at a pier, measured every hour."""

    class Config:
        strict = True

    pier: Series[str] = pa.Field(isin=PIERS)
    measured_at: Series[Instant]
    swell_metres: Series[float] = pa.Field(ge=0, le=20)
