"""Scoring a night from Delta to the warehouse: rows per second and memory, compared with a bare Booster in memory.

It uses the flagship's trees, and nights of 336,776 rows and of ten times as many, built from a month. Each path runs in
a separate process. Its peak memory includes Python and the imports; its seconds do not include the imports.
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

from bench import workspace
from include.steps.context import NightContext, StepContext

USE_CASE, HISTORY = "flights", "2013-01-01..2013-01-31"
NIGHTS = {"2013-02-01": 336_776, "2013-02-02": 3_367_760}
BARS = {"ratio_to_booster": 0.8, "peak_mb": 600}
_ROUNDS, _CHUNK = 3, 100_000


def run() -> dict[str, Any]:
    """Return rows per second and peak memory of each path, the ratios to the bare Booster, and the bars."""
    with workspace.temporary():
        return _measure()


def _measure() -> dict[str, Any]:
    from bench.serving import train_and_route

    case, settings = workspace.ingest(USE_CASE, HISTORY)
    digest, _ = train_and_route(case, settings, HISTORY.rpartition("..")[2])
    for night, rows in NIGHTS.items():
        _land(case, settings, night, rows)
    small = next(iter(NIGHTS))
    paths = [("bare Booster", small)]
    paths += [(path, night) for night in NIGHTS for path in ("night to warehouse", "rescore")]
    rounds: dict[str, list[dict[str, float]]] = {}
    for number in range(_ROUNDS):
        for path, night in paths:
            if night == small or number == 0:
                rounds.setdefault(f"{path}, {NIGHTS[night]}", []).append(_child(path, night, digest))
    medians = {name: {key: median(each[key] for each in runs) for key in runs[0]} for name, runs in rounds.items()}
    bare = medians[f"bare Booster, {NIGHTS[small]}"]["rows_per_second"]
    ratios = {name: round(each["rows_per_second"] / bare, 3) for name, each in medians.items()}
    _show(medians, ratios)
    return {"bars": BARS, "ways": medians, "ratio_to_booster": ratios}


def _land(case: Any, settings: Any, night: str, rows: int) -> None:
    """Write a night of `rows` rows to the feature table, and as many to the valid table of the entities."""
    from include.steps.features import build
    from include.stores import lake
    from include.stores.files.spool import Spool
    from ml.usecase import periods

    month = lake.read(build.address(settings.lake, case))
    with TemporaryDirectory() as folder:
        features, valid = Spool(folder=Path(folder) / "rows"), Spool(folder=Path(folder) / "valid")
        for first in range(0, rows, _CHUNK):
            numbers = np.arange(first, min(first + _CHUNK, rows))
            part = month.iloc[numbers % len(month)].reset_index(drop=True)
            part = part.assign(night=night, entity=part["entity"] + "#" + numbers.astype(str).astype(object))
            features, valid = features.add(part), valid.add(part[["night"]])
        lake.replace(build.address(settings.lake, case), periods.parse(night), features)
        lake.replace(build.valid_address(settings.lake, case, case.entities), periods.parse(night), valid)


def _child(path: str, night: str, digest: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.batch", path, night, digest], check=True, capture_output=True, text=True
    )
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def child(path: str, night: str, digest: str) -> None:
    """Score the night by one path, and print rows per second, seconds and peak memory."""
    import lightgbm  # noqa: F401 - so that no path's seconds include this import

    from include import usecases
    from include.settings import load_settings
    from include.steps import scoring_package
    from include.steps.score import rescore, score
    from include.stores import lake, warehouse
    from ml.rollout.routing import Routing
    from ml.usecase import periods

    case, settings, period = usecases.get(USE_CASE), load_settings(), periods.parse(night)
    if path == "bare Booster":
        seconds, rows = _bare(case, settings, night, scoring_package.load(digest, settings).model)
    else:
        with warehouse.write_transaction(warehouse.engine(settings.warehouse_url)) as connection:
            connection.exec_driver_sql("DELETE FROM scores")
        lake.replace(rescore.address(StepContext(case=case, settings=settings), digest), period, _no_rows())
        started = time.perf_counter()
        if path == "rescore":
            version = lake.version(_features(case, settings))
            rows = rescore.rescore(USE_CASE, rescore.RescoreChunk(period=night, package=digest, version=version))
        else:
            rows = score.score_night(
                NightContext(case=case, night=period.first, settings=settings),
                Routing(use_case=USE_CASE, seq=1, champion=digest),
            )
        seconds = time.perf_counter() - started
    assert rows == NIGHTS[night], rows
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"rows_per_second": round(rows / seconds), "seconds": round(seconds, 2), "peak_mb": round(peak)}))


def _bare(case: Any, settings: Any, night: str, model: Any) -> tuple[float, int]:
    """Return seconds and rows of LightGBM's `predict` on all rows in memory, with one thread, as in a package."""
    import lightgbm

    from include.steps.features import build

    encoded = model.encoder.encode(build.read(settings.lake, case, night, night))
    booster = lightgbm.Booster(model_str=model.learner.text)
    started = time.perf_counter()
    booster.predict(encoded, num_threads=1)
    return time.perf_counter() - started, len(encoded)


def _features(case: Any, settings: Any) -> str:
    from include.steps.features import build

    return build.address(settings.lake, case)


def _no_rows() -> Any:
    import pandas as pd

    return pd.DataFrame()


def _show(measured: dict[str, dict[str, float]], ratios: dict[str, float]) -> None:
    table = Table(title=f"scoring a night (bars: {BARS})", title_justify="left")
    for heading in ("path, rows", "rows/s", "to bare Booster", "peak MB"):
        table.add_column(heading)
    for name, each in measured.items():
        table.add_row(name, f"{each['rows_per_second']:,.0f}", f"{ratios[name]:.2f}", f"{each['peak_mb']:.0f}")
    Console().print(table)


if __name__ == "__main__":
    child(*sys.argv[1:])
