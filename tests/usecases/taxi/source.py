"""Makes the toy's files: chance with a seed of its own for each day, so that a night is always the same."""

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from include.usecases.taxi.usecase import USE_CASE

from include.stores.files import atomic
from ml.usecase.periods import Period

ZONES = ("north", "south", "harbour")
RIDES = 60
BROKEN_DAY = date(2024, 3, 10)


def land(folder: Path, period: Period, data: Path) -> None:
    """Write the files of `period` into `folder`, leaving alone any that are there."""
    for name, frame in _cut(period, USE_CASE.schedule.cutoff(period.last)).items():
        if not (folder / f"{name}.csv").exists():
            _write(folder / f"{name}.csv", frame)


def land_known(folder: Path, night: date, moment: datetime, data: Path) -> None:
    """Write what the files of `night` will hold as far as it is known by `moment`."""
    known = _cut(Period(night, night), moment)
    for name in ("rides", "traffic"):
        _write(folder / f"{name}.csv", known[name])


def _write(path: Path, frame: pd.DataFrame) -> None:
    atomic.write(path, frame.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%SZ").encode())


def _cut(period: Period, last: datetime) -> dict[str, pd.DataFrame]:
    first = USE_CASE.schedule.cutoff(period.first - timedelta(days=1))
    days = [period.first + timedelta(days=n) for n in range(-2, (period.last - period.first).days + 1)]
    rides, traffic = (pd.concat(frames) for frames in zip(*map(_day, days), strict=True))
    rides["kilometres"] = rides["kilometres"].astype(object)
    rides.loc[(rides["ride_date"] == str(BROKEN_DAY)) & (rides["ride"] == 0), "kilometres"] = "far"
    ended = (rides["ended_at"] > first) & (rides["ended_at"] <= last)
    published = traffic["measured_at"] + pd.Timedelta(hours=1)
    return {
        "bookings": rides.loc[rides["ride_date"].between(str(period.first), str(period.last))].drop(
            columns=["driver", "minutes_late", "ended_at"]
        ),
        "rides": rides.loc[ended].drop(columns="kilometres"),
        "traffic": traffic.loc[(published > first) & (published <= last)],
    }


def _day(day: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    chance = np.random.default_rng(day.toordinal())
    start = pd.Timestamp(day, tz="UTC")
    hours = np.arange(24)
    usual = chance.uniform(0.1, 0.9, 3)
    congestion = np.clip(usual[:, None] + chance.normal(0, 0.05, (3, 24)), 0, 1).round(3)
    zone, hour = chance.integers(0, 3, RIDES), np.sort(chance.integers(0, 20, RIDES))
    late = chance.random(RIDES) < 0.1 + 0.5 * usual[zone] + 0.2 * (zone == 2)
    minutes = np.where(late, chance.integers(10, 40, RIDES), chance.integers(0, 10, RIDES)).astype(float)
    came = ~late | (chance.random(RIDES) > 0.1)
    pickup = start + pd.to_timedelta(hour, unit="h")
    rides = pd.DataFrame(
        {
            "ride_date": str(day),
            "ride": np.arange(RIDES),
            "zone": np.array(ZONES)[zone],
            "pickup_at": pickup,
            "kilometres": chance.integers(1, 30, RIDES),
            "driver": np.where(came, "d" + pd.Series(chance.integers(0, 9, RIDES)).astype(str), ""),
            "minutes_late": pd.Series(minutes).where(came),
            "ended_at": pickup + pd.Timedelta(minutes=50),
        }
    )
    traffic = pd.DataFrame(
        {
            "zone": np.repeat(ZONES, 24),
            "measured_at": np.tile(start + pd.to_timedelta(hours, unit="h"), 3),
            "congestion": congestion.ravel(),
        }
    )
    return rides, traffic
