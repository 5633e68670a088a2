"""Makes the toy's files: chance with a seed of its own for each day, so that a night is always the same."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from include.usecases.ferry.usecase import USE_CASE

from include.stores.files import atomic
from ml.usecase.periods import Period

PIERS = ("east", "old town", "quay")
CROSSINGS = 80


def land(folder: Path, period: Period, data: Path) -> None:
    """Write the files of `period` into `folder`, leaving alone any that are there."""
    first = USE_CASE.schedule.cutoff(period.first - timedelta(days=1))
    last = USE_CASE.schedule.cutoff(period.last)
    days = [period.first + timedelta(days=n) for n in range(-2, (period.last - period.first).days + 1)]
    crossings, buoys = (pd.concat(frames) for frames in zip(*map(_day, days), strict=True))
    moored = (crossings["moored_at"] > first) & (crossings["moored_at"] <= last)
    reported = buoys["measured_at"] + pd.Timedelta(hours=1)
    cut = {
        "sailings": crossings.loc[crossings["crossing_date"].between(str(period.first), str(period.last))].drop(
            columns=["crew", "waited_minutes", "moored_at"]
        ),
        "crossings": crossings.loc[moored].drop(columns="tonnes"),
        "buoys": buoys.loc[(reported > first) & (reported <= last)],
    }
    for name, frame in cut.items():
        if not (folder / f"{name}.csv").exists():
            text = frame.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
            atomic.write(folder / f"{name}.csv", text.encode())


def _day(day: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    chance = np.random.default_rng(day.toordinal())
    start = pd.Timestamp(day, tz="UTC")
    hours = np.arange(24)
    usual = chance.uniform(0.3, 4.0, len(PIERS))
    swell = np.clip(usual[:, None] + chance.normal(0, 0.1, (len(PIERS), 24)), 0, 20).round(2)
    pier, hour = chance.integers(0, len(PIERS), CROSSINGS), np.sort(chance.integers(4, 20, CROSSINGS))
    tonnes = chance.integers(20, 400, CROSSINGS)
    expected = 5 + 6 * usual[pier] + 0.03 * tonnes + 8 * (pier == 2)
    sails = start + pd.to_timedelta(hour, unit="h")
    crossings = pd.DataFrame(
        {
            "crossing_date": str(day),
            "crossing": np.arange(CROSSINGS),
            "pier": np.array(PIERS)[pier],
            "sails_at": sails,
            "tonnes": tonnes,
            "crew": "c" + pd.Series(chance.integers(0, 9, CROSSINGS)).astype(str),
            "waited_minutes": (expected * chance.gamma(9, 1 / 9, CROSSINGS)).round(1),
            "moored_at": sails + pd.Timedelta(minutes=50),
        }
    )
    buoys = pd.DataFrame(
        {
            "pier": np.repeat(PIERS, 24),
            "measured_at": np.tile(start + pd.to_timedelta(hours, unit="h"), len(PIERS)),
            "swell_metres": swell.ravel(),
        }
    )
    return crossings, buoys
