"""Validation of a year of flights by its contract, compared with the same rules written by hand in NumPy.

It also measures the replacement of a night in Delta, and tables of millions of rows (`bench/long_tables.py`).

Both sides get the text as the landing area reads it, and accept the same rows. The hand-written rules are specific to
this table, parse each column at once, and give no reasons.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from bench import long_tables

USE_CASE, YEAR, TABLE = "flights", "2013-01-01..2013-12-31", "outcomes"
BARS = {"ratio_to_hand": 3.0, "milliseconds_of_a_replace": 100.0}
ROUNDS, REPLACES = 7, 20


def run() -> dict[str, Any]:
    """Return medians over rounds, and the bars."""
    from include import usecases
    from include.usecases import coherence
    from ml.ingestion import validation

    long = long_tables.run()  # first: on Linux, a child's peak memory is at least its parent's memory at the fork
    raw, case = _landed(), usecases.get(USE_CASE)
    table = case.table(TABLE)
    model = coherence.schema_model(case, table)
    ratios, ours, hands = [], [], []
    for _ in range(ROUNDS):
        hand_seconds, valid = _timed(lambda: by_hand(raw))
        our_seconds, checked = _timed(lambda: validation.check(raw, model, table.key))
        assert checked.valid.index.equals(raw.index[valid])
        ratios.append(our_seconds / hand_seconds)
        ours.append(our_seconds)
        hands.append(hand_seconds)
    return {
        "bars": BARS,
        "rows": len(raw),
        "ratio_to_hand": round(median(ratios), 2),
        "seconds": round(median(ours), 3),
        "seconds_by_hand": round(median(hands), 3),
        "milliseconds_of_a_replace": round(1000 * _replace(checked.valid), 1),
        "long_tables": long,
    }


def by_hand(raw: pd.DataFrame) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Return which rows satisfy the rules of `schema.Outcomes`: types, ranges, categories, identities, key."""
    text = {name: raw[name].to_numpy(str) for name in raw}
    number = {
        name: _numbers(text[name]) for name in text if name.endswith(("_hhmm", "_minutes")) or name == "flight_number"
    }
    good = np.ones(len(raw), bool)
    for name in ("flight_date", "scheduled_departure_at", "closed_at"):
        good &= ~np.isnat(np.char.rstrip(text[name], "Z").astype("datetime64[s]"))
    new_york = ("EWR", "JFK", "LGA")
    good &= np.isin(text["origin"], new_york) & ~np.isin(text["destination"], new_york)
    good &= (np.char.str_len(text["destination"]) == 3) & np.char.isalpha(text["destination"])
    good &= np.char.isupper(text["destination"])
    good &= (np.char.str_len(text["carrier"]) == 2) & np.char.isalnum(text["carrier"])
    good &= np.char.upper(text["carrier"]) == text["carrier"]
    ranges = {
        "flight_number": (1, 9999, False),
        "scheduled_departure_hhmm": (0, 2400, False),
        "scheduled_arrival_hhmm": (0, 2400, False),
        "departure_hhmm": (0, 2400, True),
        "departure_delay_minutes": (-120, 2880, True),
        "arrival_hhmm": (0, 2400, True),
        "arrival_delay_minutes": (-180, 2880, True),
        "air_minutes": (15, 1000, True),
    }
    for name, (least, most, nullable) in ranges.items():
        values = number[name]
        good &= ((values >= least) & (values <= most)) | (nullable & np.isnan(values))
    for event in ("departure", "arrival"):
        due, actual = (_minutes(number[f"{which}{event}_hhmm"]) for which in ("scheduled_", ""))
        off = (actual - due - number[f"{event}_delay_minutes"]) % 1440
        good &= np.isnan(off) | (off == 0)
    good &= ~np.isnan(number["departure_hhmm"]) | np.isnan(number["arrival_hhmm"])
    key = np.char.add(
        np.char.add(text["flight_date"], text["carrier"]), np.char.add(text["flight_number"], text["origin"])
    )
    _, first = np.unique(key, return_index=True)
    alone = np.zeros(len(raw), bool)
    alone[first] = True
    return good & alone


def _numbers(text: "np.ndarray[Any, np.dtype[np.str_]]") -> "np.ndarray[Any, np.dtype[np.float64]]":
    return np.where(text == "", "nan", text).astype(np.float64)


def _minutes(hhmm: "np.ndarray[Any, np.dtype[np.float64]]") -> "np.ndarray[Any, np.dtype[np.float64]]":
    return hhmm // 100 * 60 + hhmm % 100


def _landed() -> pd.DataFrame:
    from include import usecases
    from include.settings import load_settings
    from include.stores import landing
    from include.stores.landing import Folder, LandedFile
    from ml.usecase import periods

    with tempfile.TemporaryDirectory() as folder:
        usecases.module(USE_CASE, "source").land(Path(folder), periods.parse(YEAR), load_settings().data / USE_CASE)
        file = landing.scan(Folder(Path(folder)), LandedFile(name=f"{TABLE}.csv", table=TABLE), Path(folder))
        (rows,) = file.batches(file.count)
        return rows.well_formed


def _replace(valid: pd.DataFrame) -> float:
    """Return the median seconds to replace one night in the table of a year."""
    from include.stores import lake
    from ml.usecase import periods

    rows = valid.assign(night=valid["flight_date"].dt.strftime("%Y-%m-%d"))
    with tempfile.TemporaryDirectory() as folder:
        lake.replace(f"{folder}/t", periods.parse(YEAR), rows)
        night = rows[rows["night"] == "2013-06-01"]
        return median(
            _timed(lambda: lake.replace(f"{folder}/t", periods.parse("2013-06-01"), night))[0] for _ in range(REPLACES)
        )


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result
