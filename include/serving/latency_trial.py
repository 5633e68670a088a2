"""Serves a package and a snapshot for a moment, as a program, and says what its answers were and what they took.

Damaged trees can end the process that parses them: this one is there to be ended.
"""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]

from include.stores import packages
from include.stores.snapshot_store import Shelf
from ml.errors import PackageError, SnapshotError
from ml.features.snapshots import FeatureSnapshot
from ml.packaging import package_files
from ml.promotion import acceptance_tests
from ml.promotion.acceptance_tests import Trial
from ml.training.fitting import Model

_TRIES, _TIMED = 3, 300


def main(folder: str, digest: str, trusted: str, shelf: str) -> None:
    """Print the trial as JSON, or exit 1 with the sentence that says why there is none."""
    try:
        files = packages.get(Path(folder), digest, Path(trusted))
        model = package_files.load(files)
        package_files.check_golden(model, files)
        print(json.dumps(asdict(run(model, Shelf(Path(shelf)).snapshot))))  # noqa: T201 - the answer to who started it
    except (PackageError, SnapshotError) as error:
        sys.exit(str(error))


def run(model: Model, snapshot: FeatureSnapshot) -> Trial:
    """Return what the model answers for every entity of the snapshot, in its order, and what that took."""
    import pandas as pd

    entities = list(snapshot.places)
    seconds = [min(_seconds(model, snapshot, each) for _ in range(_TRIES)) for each in entities[:_TIMED]]
    memory = psutil.Process().memory_info().rss / 1e6
    rows = [_row(snapshot, each) for each in entities]
    frame = pd.DataFrame(rows, columns=list(model.encoder.names))
    p50, p99 = np.quantile(seconds, [0.5, 0.99]) * 1000
    return Trial(
        single=[model.predict_row(row) for row in rows],
        frame=model.predict(frame).tolist(),
        odd=acceptance_tests.answer(model, acceptance_tests.odd_rows(model.encoder, rows[0])),
        p50_ms=float(p50),
        p99_ms=float(p99),
        memory_mb=memory,
    )


def _row(snapshot: FeatureSnapshot, entity: str) -> dict[str, object]:
    found: Mapping[str, object] | None = snapshot.lookup(entity)
    assert found is not None
    return dict(found)


def _seconds(model: Model, snapshot: FeatureSnapshot, entity: str) -> float:
    started = time.perf_counter()
    model.predict_row(_row(snapshot, entity))
    return time.perf_counter() - started


if __name__ == "__main__":
    main(*sys.argv[1:])
