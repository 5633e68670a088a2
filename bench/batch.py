"""A night from Delta to the warehouse, in rows a second and in memory, beside a bare Booster that has it all in memory.

The flagship's trees; nights of 336,776 rows and ten times that, made of a month's. Each way runs in a process of its own: what
it imports and the memory of Python are in its peak, what it imports is not in its seconds.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench import homes
from include.steps.context import NightContext, StepContext

USE_CASE, HISTORY = "flights", "2013-01-01..2013-01-31"
NIGHTS = {"2013-02-01": 336_776, "2013-02-02": 3_367_760}
BARS = {"ratio_to_booster": 0.8, "peak_mb": 600}
_ROUNDS, _CHUNK = 3, 100_000


def run() -> dict[str, Any]:
    """Return rows a second and peak memory of each way, and the ratio to the bare Booster, beside the bars."""
    with homes.temporary():
        return _measure()


def _measure() -> dict[str, Any]:
    from bench.serving import released

    case, settings = homes.taken(USE_CASE, HISTORY)
    digest, _ = released(case, settings, HISTORY.rpartition("..")[2])
    for night, rows in NIGHTS.items():
        _land(case, settings, night, rows)
    small = next(iter(NIGHTS))
    ways = [("bare Booster", small), *((way, night) for night in NIGHTS for way in ("night to warehouse", "rescore"))]
    rounds: dict[str, list[dict[str, float]]] = {}
    for number in range(_ROUNDS):
        for way, night in ways:
            if night == small or number == 0:
                rounds.setdefault(f"{way}, {NIGHTS[night]}", []).append(_child(way, night, digest))
    told = {name: {key: median(each[key] for each in found) for key in found[0]} for name, found in rounds.items()}
    bare = told[f"bare Booster, {NIGHTS[small]}"]["rows_per_second"]
    ratios = {name: round(each["rows_per_second"] / bare, 3) for name, each in told.items()}
    _show(told, ratios)
    return {"bars": BARS, "ways": told, "ratio_to_booster": ratios}


def _land(case: Any, settings: Any, night: str, rows: int) -> None:
    """Put a night of so many rows where features rest, and as many entities beside it."""
    from include.steps.features import build
    from include.stores import lake
    from include.stores.files.spool import Spool
    from ml.usecase import periods

    month = lake.read(build.address(settings.lake, case))
    with TemporaryDirectory() as folder:
        made, valid = Spool(folder=Path(folder) / "rows"), Spool(folder=Path(folder) / "valid")
        for first in range(0, rows, _CHUNK):
            taken = np.arange(first, min(first + _CHUNK, rows))
            part = month.iloc[taken % len(month)].reset_index(drop=True)
            part = part.assign(night=night, entity=part["entity"] + "#" + taken.astype(str).astype(object))
            made, valid = made.add(part), valid.add(part[["night"]])
        lake.replace(build.address(settings.lake, case), periods.parse(night), made)
        lake.replace(
            build.valid_address(settings.lake, case, case.entities), periods.parse(night), valid, merge_schema=True
        )


def _child(way: str, night: str, digest: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.batch", way, night, digest], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def child(way: str, night: str, digest: str) -> None:
    """Go one way, and print what it took."""
    import lightgbm  # noqa: F401 - not a part of any way

    from include import usecases
    from include.settings import load_settings
    from include.steps.score import batch_prediction, rescore, score
    from include.stores import lake, warehouse
    from ml.rollout.routing import Routing
    from ml.usecase import periods

    case, settings, when = usecases.get(USE_CASE), load_settings(), periods.parse(night)
    if way == "bare Booster":
        seconds, rows = _bare(case, settings, night, batch_prediction.load_model(digest, settings))
    else:
        with warehouse.write_transaction(warehouse.engine(settings.warehouse_url)) as connection:
            connection.exec_driver_sql("DELETE FROM scores")
        lake.replace(rescore.address(StepContext(case=case, settings=settings), digest), when, _none())
        began = time.perf_counter()
        if way == "rescore":
            version = lake.version(_features(case, settings))
            rows = rescore.rescore(USE_CASE, rescore.RescoreChunk(period=night, package=digest, version=version))
        else:
            rows = score.score_night(
                NightContext(case=case, night=when.first, settings=settings),
                Routing(use_case=USE_CASE, seq=1, champion=digest),
            )
        seconds = time.perf_counter() - began
    assert rows == NIGHTS[night], rows
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"rows_per_second": round(rows / seconds), "seconds": round(seconds, 2), "peak_mb": round(peak)}))


def _bare(case: Any, settings: Any, night: str, model: Any) -> tuple[float, int]:
    """Return the seconds of LightGBM's own `predict` on all rows at once, a matrix in memory, on one thread as a package has it."""
    import lightgbm

    from include.steps.features import build

    encoded = model.encoder.encode(build.read(settings.lake, case, night, night))
    booster = lightgbm.Booster(model_str=model.learner.text)
    began = time.perf_counter()
    booster.predict(encoded, num_threads=1)
    return time.perf_counter() - began, len(encoded)


def _features(case: Any, settings: Any) -> str:
    from include.steps.features import build

    return build.address(settings.lake, case)


def _none() -> Any:
    import pandas as pd

    return pd.DataFrame()


def _show(told: dict[str, dict[str, float]], ratios: dict[str, float]) -> None:
    table = Table(title=f"a night scored (bars: {BARS})", title_justify="left")
    for heading in ("way, rows", "rows/s", "to bare Booster", "peak MB"):
        table.add_column(heading)
    for name, each in told.items():
        table.add_row(name, f"{each['rows_per_second']:,.0f}", f"{ratios[name]:.2f}", f"{each['peak_mb']:.0f}")
    Console().print(table)


if __name__ == "__main__":
    child(*sys.argv[1:])
