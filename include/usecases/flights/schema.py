"""The contract of the airline's files: ranges, keys and identities that were found in the data."""

from typing import Annotated

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

Instant = Annotated[pd.DatetimeTZDtype, "ns", "UTC"]
_NEW_YORK = ("EWR", "JFK", "LGA")
_HHMM = {"ge": 0, "le": 2400}
_MIN_ROWS_FOR_SHARES = 60  # with fewer rows a share is meaningless


class _StrictModel(pa.DataFrameModel):
    class Config:
        strict = True


class _Flight(_StrictModel):
    flight_date: Series[pd.Timestamp]
    carrier: Series[str] = pa.Field(str_matches=r"^[A-Z0-9]{2}$")
    flight_number: Series[int] = pa.Field(ge=1, le=9999)
    origin: Series[str] = pa.Field(isin=_NEW_YORK)
    destination: Series[str] = pa.Field(str_matches=r"^[A-Z]{3}$", notin=_NEW_YORK)
    scheduled_departure_at: Series[Instant]
    scheduled_departure_hhmm: Series[float] = pa.Field(**_HHMM)
    scheduled_arrival_hhmm: Series[float] = pa.Field(**_HHMM)


class Schedule(_Flight):
    """The scheduled flights: one row per flight and day, without actual times."""

    distance_miles: Series[float] = pa.Field(ge=50, le=6000)

    @pa.dataframe_check(error="a day has fewer than 500 flights or more than 1,300", raise_warning=True)
    def days_are_of_a_usual_size(cls, rows: pd.DataFrame) -> bool:
        return bool(rows["flight_date"].value_counts().between(500, 1300).all())


class Outcomes(_Flight):
    """The closed record of a flight. A cancelled flight has no departure, a diverted flight no arrival delay."""

    tail_number: Series[str] = pa.Field(nullable=True)
    departure_hhmm: Series[float] = pa.Field(nullable=True, **_HHMM)
    departure_delay_minutes: Series[float] = pa.Field(nullable=True, ge=-120, le=2880)
    arrival_hhmm: Series[float] = pa.Field(nullable=True, **_HHMM)
    arrival_delay_minutes: Series[float] = pa.Field(nullable=True, ge=-180, le=2880)
    air_minutes: Series[float] = pa.Field(nullable=True, ge=15, le=1000)
    closed_at: Series[Instant]

    @pa.dataframe_check(error="departure delay contradicts the clock times")
    def departure_delay_agrees(cls, rows: pd.DataFrame) -> "Series[bool]":
        return _agrees(rows["scheduled_departure_hhmm"], rows["departure_hhmm"], rows["departure_delay_minutes"])

    @pa.dataframe_check(error="arrival delay contradicts the clock times")
    def arrival_delay_agrees(cls, rows: pd.DataFrame) -> "Series[bool]":
        return _agrees(rows["scheduled_arrival_hhmm"], rows["arrival_hhmm"], rows["arrival_delay_minutes"])

    @pa.dataframe_check(error="arrived without having departed")
    def departs_before_it_arrives(cls, rows: pd.DataFrame) -> "Series[bool]":
        return rows["departure_hhmm"].notna() | rows["arrival_hhmm"].isna()

    @pa.dataframe_check(error="nine in ten flights have no departure: the feed has lost its actuals")
    def actuals_are_there(cls, rows: pd.DataFrame) -> bool:
        """Check the file as a whole. On the worst storm days 57 % of the flights have no departure."""
        return len(rows) < _MIN_ROWS_FOR_SHARES or bool(rows["departure_hhmm"].isna().mean() < 0.9)


class Departures(_Flight):
    """A flight that left the gate, reported when it leaves; a cancelled flight is never reported."""

    departure_delay_minutes: Series[float] = pa.Field(ge=-120, le=2880)
    departed_at: Series[Instant]

    @pa.dataframe_check(error="departure delay contradicts the instants")
    def departure_delay_agrees(cls, rows: pd.DataFrame) -> "Series[bool]":
        late = rows["departure_delay_minutes"] * pd.Timedelta(minutes=1)
        return rows["scheduled_departure_at"] + late == rows["departed_at"]


class Weather(_StrictModel):
    """An hourly observation at an airport. Without gusts the gust is missing; pressure is often missing."""

    origin: Series[str] = pa.Field(isin=_NEW_YORK)
    observed_at: Series[Instant]
    temperature_f: Series[float] = pa.Field(ge=-30, le=125)
    dew_point_f: Series[float] = pa.Field(ge=-50, le=95)
    humidity_percent: Series[float] = pa.Field(ge=0, le=100)
    wind_direction_degrees: Series[float] = pa.Field(nullable=True, ge=0, le=360)
    wind_speed_mph: Series[float] = pa.Field(nullable=True, ge=0, le=150)
    wind_gust_mph: Series[float] = pa.Field(nullable=True, ge=0, le=200)
    precipitation_inches: Series[float] = pa.Field(ge=0, le=8)
    pressure_millibars: Series[float] = pa.Field(nullable=True, ge=900, le=1080)
    visibility_miles: Series[float] = pa.Field(ge=0, le=10)

    @pa.dataframe_check(error="temperature is 30 F or more off the other stations of that hour")
    def temperature_agrees_with_neighbours(cls, rows: pd.DataFrame) -> "Series[bool]":
        usual = rows.groupby("observed_at")["temperature_f"].transform("median")
        return (rows["temperature_f"] - usual).abs() < 30

    @pa.dataframe_check(error="temperature leaps 20 F or more, and back within the next hour")
    def temperature_does_not_leap(cls, rows: pd.DataFrame) -> "Series[bool]":
        by_station = rows.sort_values(["origin", "observed_at"]).groupby("origin")["temperature_f"]
        up, back = by_station.diff(), by_station.diff(-1)
        leaps = (up.abs() >= 20) & (back.abs() >= 20) & (up * back > 0)
        return ~leaps.reindex(rows.index)

    @pa.dataframe_check(error="pressure is missing in nine of ten observations", raise_warning=True)
    def pressure_is_measured(cls, rows: pd.DataFrame) -> bool:
        return len(rows) < _MIN_ROWS_FOR_SHARES or bool(rows["pressure_millibars"].isna().mean() < 0.9)


class Airports(_StrictModel):
    """All airports."""

    airport: Series[str] = pa.Field(str_matches=r"^[A-Z0-9]{3}$")
    airport_name: Series[str]
    latitude_degrees: Series[float] = pa.Field(ge=-90, le=90)
    longitude_degrees: Series[float] = pa.Field(ge=-180, le=180)


class Planes(_StrictModel):
    """An airline's aircraft by tail number. A tail number reassigned to a light aircraft is a wrong match."""

    tail_number: Series[str] = pa.Field(str_matches=r"^N[0-9A-Z]+$")
    built_year: Series[float] = pa.Field(nullable=True, ge=1950, le=2013)
    manufacturer_name: Series[str]
    aircraft_type: Series[str]
    engine_count: Series[float] = pa.Field(ge=2, le=4)
    seat_count: Series[float] = pa.Field(ge=19, le=600)
    engine_kind: Series[str] = pa.Field(isin=("Turbo-fan", "Turbo-jet", "Turbo-prop"))


def _agrees(scheduled: pd.Series, actual: pd.Series, delay: pd.Series) -> "pd.Series[bool]":
    """Return whether clock times (HHMM, local) and delay (minutes) agree modulo a day; true if one is missing."""
    difference = (_minutes(actual) - _minutes(scheduled) - delay) % 1440
    return difference.isna() | (difference == 0)


def _minutes(hhmm: pd.Series) -> pd.Series:
    return hhmm // 100 * 60 + hhmm % 100
