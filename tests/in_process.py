"""Serving probes of a training, in the test's own process: starting a process for each costs seconds of CPU.

The scores are those of the package, checked as the programs check it; latencies and memory are constants, as they say
something only of a process of its own. A test that is about a probe asks for the fixture `own_processes`.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import pytest

from include.serving import latency_trial, subprocesses, verify_package
from include.settings import Settings
from include.steps.context import NightContext
from include.steps.train import serving_trial
from include.steps.train.serving_trial import HttpProbe
from include.stores.snapshot_store import SnapshotCache
from ml.errors import PackageError
from ml.training.fitting import Model

# What the product does: an owner, the name of its function, and the function.
PROBES = {(owner, name): getattr(owner, name) for owner, name in ((subprocesses, "run"), (serving_trial, "probe_http"))}
_P50_MS, _P99_MS, _MEMORY_MB = 0.5, 1.0, 100.0


@contextmanager
def probing(*, over_http: bool = False) -> Iterator[None]:
    """Let probes run in this process until the end of the `with`; with `over_http`, the model server has its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocesses, "run", _run)
        if not over_http:
            patch.setattr(serving_trial, "probe_http", _probe_http)
        yield


def _run(program: str, packages: Path, digest: str, settings: Settings, *extra: str) -> str:
    try:
        model = _load(packages, digest, settings)
    except PackageError as error:
        raise PackageError(f"package {digest[:12]} cannot be served: {error}") from None
    if program == "include.serving.verify_package":
        return ""
    assert program == "include.serving.latency_trial", program
    (snapshots,) = extra
    probe = latency_trial.run(model, SnapshotCache(Path(snapshots)).snapshot)
    return json.dumps(asdict(replace(probe, p50_ms=_P50_MS, p99_ms=_P99_MS, memory_mb=_MEMORY_MB)))


def _probe_http(context: NightContext, digest: str, rows: pd.DataFrame, names: Sequence[str]) -> HttpProbe:
    model = _load(context.settings.packages, digest, context.settings)
    scores = [model.predict_row(row) for row in rows[list(names)].to_dict("records")]
    return HttpProbe(scores=scores, p50_ms=_P50_MS, p99_ms=_P99_MS)


def _load(packages: Path, digest: str, settings: Settings) -> Model:
    return verify_package.load_verified(packages, digest, settings.trusted_keys)
