"""Load a package and a snapshot in a process of its own, and report the scores, latency and memory as JSON.

Latency is CPU time, so that it is the same beside other busy programs. Each row is timed in several rounds over all
rows, and its lowest time counts, so that a disturbance has to hit the same row in every round.

A damaged model can crash the process that parses it, so this is a separate program.
"""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]

from include.serving import verify_package
from include.stores.snapshot_store import SnapshotCache
from ml.errors import PackageError, SnapshotError
from ml.features.snapshots import FeatureSnapshot
from ml.promotion import acceptance_tests
from ml.promotion.acceptance_tests import ServingProbe
from ml.training.fitting import Model

_ROUNDS, _MAX_TIMED = 5, 300


def main(folder: str, digest: str, trusted: str, snapshot_dir: str) -> None:
    """Print the `ServingProbe` as JSON, or exit with 1 and the error message."""
    try:
        model = verify_package.load_verified(Path(folder), digest, Path(trusted))
        probe = run(model, SnapshotCache(Path(snapshot_dir)).snapshot)
        print(json.dumps(asdict(probe)))  # noqa: T201 - the parent process reads it
    except (PackageError, SnapshotError) as error:
        sys.exit(str(error))


def run(model: Model, snapshot: FeatureSnapshot) -> ServingProbe:
    """Return the model's scores of every entity of the snapshot, in its order, with latency and memory."""
    import pandas as pd

    entities = list(snapshot.row_index)
    rounds = [[_time_prediction(model, snapshot, each) for each in entities[:_MAX_TIMED]] for _ in range(_ROUNDS)]
    memory = psutil.Process().memory_info().rss / 1e6
    rows = [_row(snapshot, each) for each in entities]
    frame = pd.DataFrame(rows, columns=list(model.encoder.names))
    p50, p99 = np.quantile(np.min(rounds, axis=0), [0.5, 0.99]) * 1000
    return ServingProbe(
        single_row_scores=[model.predict_row(row) for row in rows],
        batch_scores=model.predict(frame).tolist(),
        adversarial_scores=acceptance_tests.predict_rows(
            model, acceptance_tests.adversarial_rows(model.encoder, rows[0])
        ),
        p50_ms=float(p50),
        p99_ms=float(p99),
        memory_mb=memory,
    )


def _row(snapshot: FeatureSnapshot, entity: str) -> dict[str, object]:
    features: Mapping[str, object] | None = snapshot.lookup(entity)
    assert features is not None
    return dict(features)


def _time_prediction(model: Model, snapshot: FeatureSnapshot, entity: str) -> float:
    started = time.process_time()
    model.predict_row(_row(snapshot, entity))
    return time.process_time() - started


if __name__ == "__main__":
    main(*sys.argv[1:])
