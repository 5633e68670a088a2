"""What the toy's files promise."""

from typing import Annotated

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

Instant = Annotated[pd.DatetimeTZDtype, "ns", "UTC"]


class _Closed(pa.DataFrameModel):
    class Config:
        strict = True


class Member(_Closed):
    """Someone who is billed on the first of a month."""

    member: Series[str] = pa.Field(str_matches=r"^m\d+$")
    billed_on: Series[pd.Timestamp]
    plan: Series[str] = pa.Field(isin=["full", "weekend", "trial"])
    visits: Series[float] = pa.Field(ge=0, le=31)


class Renewal(_Closed):
    """What a member decided."""

    member: Series[str] = pa.Field(str_matches=r"^m\d+$")
    renewed: Series[float] = pa.Field(isin=[0, 1])
    decided_at: Series[Instant]
