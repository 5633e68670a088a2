"""The window features of a year by `features.build`, compared with hand-written prefix sums; and ten times the rows.

Both get the frames that the features step reads, and their results are equal to the last bit. Time and memory of one
and of ten times the rows (the same year with ten fleets) are measured in separate processes. Times are CPU seconds:
nothing here waits or runs in parallel, and other load on the machine must not count.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from bench import workspace

USE_CASE, YEAR, TABLE = "flights", "2013-01-01..2013-12-31", "outcomes"
BARS = {"ratio_to_hand": 1.5, "seconds_of_ten_to_one": 12.0, "peak_gigabytes_of_ten": 2.0}
ROUNDS, FLEETS = 7, 10
_DAY = 86_400


def run() -> dict[str, Any]:
    """Return medians over rounds, and the bars."""
    with workspace.temporary():
        _child("ingest")
        scaled = _scaled()  # first: on Linux, a child's peak memory is at least its parent's memory at the fork
        return {"bars": BARS, **_against_hand(), **scaled}


def _ingest() -> dict[str, int]:
    from include.settings import load_settings
    from include.steps import ingest
    from include.stores import warehouse

    warehouse.migrate(load_settings().warehouse_url)
    return ingest.ingest(USE_CASE, YEAR)


def _against_hand() -> dict[str, Any]:
    entities, table = _frames()
    build, ratios, seconds = _engine(), [], []
    for _ in range(ROUNDS):
        with _timed() as hand:
            expected = by_hand(_case(), entities, table)
        with _timed() as engine:
            built = build(entities, table)
        for name, values in expected.items():
            np.testing.assert_array_equal(built[name], values, err_msg=name)
        ratios.append(engine[0] / hand[0])
        seconds.append((engine[0], hand[0]))
    print(f"features: {len(expected)} windows of {len(entities)} flights, {median(ratios):.2f}x prefix sums by hand")
    our_seconds, hand_seconds = (round(median(each), 3) for each in zip(*seconds, strict=True))
    return {
        "flights": len(entities),
        "windows": len(expected),
        "ratio_to_hand": round(median(ratios), 3),
        "seconds": our_seconds,
        "seconds_by_hand": hand_seconds,
    }


def _scaled() -> dict[str, Any]:
    one, ten = ([_child(str(times)) for _ in range(3)] for times in (1, FLEETS))
    ratio = median(each["seconds"] for each in ten) / median(each["seconds"] for each in one)
    peak = max(each["peak_gigabytes"] for each in ten)
    print(f"features: ten times the flights in {ratio:.1f}x the time, {peak:.2f} GB at most")
    return {"one": one, "ten": ten, "seconds_of_ten_to_one": round(ratio, 2), "peak_gigabytes_of_ten": peak}


def _child(task: str) -> dict[str, float]:
    """Run a measurement of this module in a separate process, and return its result."""
    command = [sys.executable, "-m", "bench.features", task]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    measured: dict[str, float] = json.loads(output.splitlines()[-1])
    return measured


def _grown(times: int) -> dict[str, float]:
    """Return time and peak memory of building the windows for `times` as many flights."""
    entities, table = (_tiled(frame, times) for frame in _frames())
    build = _engine()
    with _timed() as seconds:
        built = build(entities, table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return {"flights": len(built), "seconds": round(seconds[0], 3), "peak_gigabytes": round(peak, 3)}


def _frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the columns of flights and outcomes that the windows need, as stored in the lake."""
    from include.settings import load_settings
    from include.steps.features import build as feature_build
    from include.stores import lake

    case, folder = _case(), load_settings().lake
    keys = {"entity", *case.table(case.entities).key, *(name for each in case.features for name in each.by)}
    looked_up = {name for each in case.features for name in each.source_columns} | {"known_at"}
    entities = lake.read(feature_build.valid_address(folder, case, case.entities), columns=sorted(keys))
    table = lake.read(feature_build.valid_address(folder, case, TABLE), columns=sorted(looked_up))
    return tuple(frame.astype(dict.fromkeys(frame.select_dtypes("object"), "category")) for frame in (entities, table))  # type: ignore[return-value]


def _tiled(frame: pd.DataFrame, times: int) -> pd.DataFrame:
    """Return the rows repeated `times` times with other flight numbers, and with text columns as categories."""
    frame = frame.astype(dict.fromkeys(frame.select_dtypes("object"), "category"))
    rows, fleet = np.repeat(np.arange(len(frame)), times), np.tile(np.arange(times), len(frame))
    columns = {}
    for name, column in frame.items():
        tiled = column.take(rows).reset_index(drop=True)
        columns[name] = tiled + 10_000.0 * fleet if name == "flight_number" else tiled
    return pd.DataFrame(columns, copy=False)


def _case() -> Any:
    """Return the use case with only its windows over outcomes."""
    from include import usecases
    from ml.usecase import Window

    case = usecases.get(USE_CASE)
    windows = tuple(each for each in case.features if isinstance(each, Window) and each.table == TABLE)
    removed = {"slices": (), "edge_cases": (), "fairness": None, "expectations": ()}
    return replace(case, features=windows, horizons=(case.schedule,), **removed)


def _engine() -> Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]:
    from ml import features

    case = _case()
    return lambda entities, table: features.build(case, {}, entities, {TABLE: table})


def by_hand(case: Any, entities: pd.DataFrame, table: pd.DataFrame) -> dict[str, np.ndarray[Any, Any]]:
    """Return the windows as an expert would write them for this case only: sort, cumulate, search, divide."""
    cutoffs = {night: int(case.schedule.cutoff(night.date()).timestamp()) for night in entities["flight_date"].unique()}
    cutoff = entities["flight_date"].map(cutoffs).to_numpy(np.int64)
    known = -(-table["known_at"].to_numpy("datetime64[ns]").astype(np.int64) // 1_000_000_000)
    names = {name for each in case.features for name in each.by}
    codes = {name: pd.factorize(pd.concat([table[name], entities[name]], ignore_index=True)) for name in names}
    features, means, moments, span = {}, {}, np.unique(cutoff), int(max(known.max(), cutoff.max())) + 1
    for by in ((), *sorted({each.by for each in case.features if each.by})):
        group = np.zeros(len(table) + len(entities), np.int64)
        for name in by:
            group = group * len(codes[name][1]) + codes[name][0]
        table_group, entity_group = group[: len(table)], group[len(table) :]
        order = np.lexsort((known, table_group))
        keys = table_group[order] * span + known[order]
        pairs, pair_index = np.unique(entity_group * span + cutoff, return_inverse=True)
        group, until = pairs // span, pairs % span
        last = np.searchsorted(keys, pairs, side="right")
        position = np.searchsorted(moments, until)
        for source in sorted({each.column for each in case.features if each.by == by or not by}):
            values = table[source].to_numpy()[order]
            sums = np.concatenate([[0.0], np.cumsum(np.nan_to_num(values))])
            counts = np.concatenate([[0], np.cumsum(~np.isnan(values))])
            for days in sorted({n for each in case.features for n in each.days if each.column == source}):
                first = np.searchsorted(keys, group * span + np.maximum(until - days * _DAY, 0), side="right")
                total, count = sums[last] - sums[first], (counts[last] - counts[first]).astype(np.float64)
                if not by:
                    means[source, days] = _divide(total, count)
                for each in case.features:
                    if (each.column, each.by) == (source, by) and days in each.days:
                        strength, name = each.shrinkage, each.outputs[each.days.index(days)]
                        mean = _divide(total + strength * means[source, days][position], count + strength)
                        features[name] = (count if each.how == "count" else mean)[pair_index]
    return features


def _divide(total: Any, count: Any) -> Any:
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


@contextmanager
def _timed() -> Iterator[list[float]]:
    seconds: list[float] = []
    started = time.process_time()
    yield seconds
    seconds.append(time.process_time() - started)


if __name__ == "__main__":
    print(json.dumps(_ingest() if sys.argv[1] == "ingest" else _grown(int(sys.argv[1]))))
