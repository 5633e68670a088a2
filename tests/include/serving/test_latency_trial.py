"""A package is tried in a process of its own, through its loader and a snapshot of features, as a server would."""

import json
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from include.serving import latency_trial
from include.settings import PROJECT, Settings
from include.stores import packages, snapshot_store
from include.stores.signing import model_signing
from include.stores.snapshot_store import SnapshotCache
from ml.features import snapshots
from ml.packaging import package_files
from ml.promotion.acceptance_tests import ServingProbe
from ml.training import fitting
from ml.training.fitting import Model
from tests.include.serving.test_verify_package import FRAME, LABELS, NIGHTS, TREES
from tests.ml.answers import YES_OR_NO

ROWS = FRAME.head(40).assign(entity=[f"{place:03d}" for place in range(40)])


@pytest.fixture(scope="module")
def model() -> Model:
    return fitting.fit(
        TREES, fitting.prepare(FRAME, LABELS, NIGHTS, ("hour", "zone"), target=YES_OR_NO, seed=1, threads=1)
    ).model


@pytest.fixture
def shelf_of_rows(tmp_path: Path) -> Path:
    snapshot_store.put(tmp_path / "shelf", date(2013, 1, 12), snapshots.pack(ROWS, {}))
    return tmp_path / "shelf"


def tried(settings: Settings, digest: str, rows: Path) -> "subprocess.CompletedProcess[str]":
    command = [
        sys.executable,
        "-m",
        "include.serving.latency_trial",
        str(settings.packages),
        digest,
        str(settings.trusted_keys),
        str(rows),
    ]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)


def test_a_trial_tells_answers_odd_answers_and_what_they_took(
    model: Model, shelf_of_rows: Path, home: Settings
) -> None:
    packed = package_files.pack(model, FRAME, {})
    packages.put(home.packages, packed.digest, model_signing.sign(packed.digest, packed.files, home))
    reported = ServingProbe(**json.loads(tried(home, packed.digest, shelf_of_rows).stdout))
    assert reported.single_row_scores == pytest.approx(model.predict(ROWS).tolist(), abs=1e-12)
    assert reported.batch_scores == pytest.approx(reported.single_row_scores, abs=1e-12)
    assert {"all missing", "all levels unseen", "hour inf"} <= reported.adversarial_scores.keys()
    assert 0 < reported.p50_ms <= reported.p99_ms
    assert 20 < reported.memory_mb < 2000


@pytest.mark.parametrize("damage", ["a cut file", "no snapshot"])
def test_what_cannot_be_served_ends_with_a_sentence(
    damage: str, model: Model, shelf_of_rows: Path, home: Settings
) -> None:
    packed = package_files.pack(model, FRAME, {})
    place = packages.put(home.packages, packed.digest, model_signing.sign(packed.digest, packed.files, home))
    if damage == "a cut file":
        (place / "learner.txt").write_bytes(packed.files["learner.txt"][:99])
    ended = tried(home, packed.digest, shelf_of_rows if damage == "a cut file" else home.home / "none")
    assert ended.returncode == 1
    assert (
        "'learner.txt' should have SHA-256" if damage == "a cut file" else "there is no snapshot in"
    ) in ended.stderr
    assert "Traceback" not in ended.stderr


def test_memory_is_that_of_the_process_that_answers(model: Model, shelf_of_rows: Path) -> None:
    held = bytearray(b"x") * 300_000_000
    assert latency_trial.run(model, SnapshotCache(shelf_of_rows).snapshot).memory_mb > len(held) / 1e6


def test_waiting_for_a_core_is_no_latency(model: Model, shelf_of_rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def predict_row(_: Model, __: object) -> float:
        time.sleep(0.003)  # as a process that waits for a core: time passes, but not its CPU time
        return 0.5

    quiet = latency_trial.run(model, SnapshotCache(shelf_of_rows).snapshot)
    monkeypatch.setattr(Model, "predict_row", predict_row)
    assert latency_trial.run(model, SnapshotCache(shelf_of_rows).snapshot).p99_ms < max(3.0, quiet.p99_ms)
