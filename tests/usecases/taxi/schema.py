"""What the toy's files promise."""

from typing import Annotated

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

Instant = Annotated[pd.DatetimeTZDtype, "ns", "UTC"]


class _Ordered(pa.DataFrameModel):
    class Config:
        strict = True

    ride_date: Series[pd.Timestamp]
    ride: Series[int] = pa.Field(ge=0)
    zone: Series[str] = pa.Field(isin=["north", "south", "harbour"])
    pickup_at: Series[Instant]


class Booking(_Ordered):
    """A ride booked for a day."""

    kilometres: Series[float] = pa.Field(gt=0, le=100)


class Ride(_Ordered):
    """How a ride went; without a driver nobody came, and there are no minutes."""

    driver: Series[str] = pa.Field(nullable=True)
    minutes_late: Series[float] = pa.Field(nullable=True, ge=0, le=600)
    ended_at: Series[Instant]


class Traffic(pa.DataFrameModel):
    """An hour's congestion in a zone, from 0 to 1."""

    class Config:
        strict = True

    zone: Series[str] = pa.Field(isin=["north", "south", "harbour"])
    measured_at: Series[Instant]
    congestion: Series[float] = pa.Field(ge=0, le=1)
