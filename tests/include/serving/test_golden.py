"""A package that is not what was judged never gets past its battery."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from include.settings import PROJECT
from include.stores import packages
from ml import packaging, training
from ml.packaging import Package
from ml.usecase import GradientBoosting


@pytest.fixture(scope="module")
def package() -> Package:
    chance = np.random.default_rng(3)
    frame = pd.DataFrame({"hour": chance.uniform(0, 24, 600), "zone": pd.Categorical(chance.choice(["a", "b"], 600))})
    labels = (frame["hour"].to_numpy() > 12).astype(float)
    nights = np.repeat([f"2013-01-{day:02d}" for day in range(1, 13)], 50).astype(object)
    trees = GradientBoosting(trees=5, leaves=4, rows_per_leaf=10)
    fitted = training.fit(trees, training.gather(frame, labels, nights, ("hour", "zone"), seed=1, threads=1))
    return packaging.pack(fitted.model, frame, {"use_case": "taxi"})


def answer(folder: Path, digest: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "include.serving.golden", str(folder), digest]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)


def test_a_whole_package_answers_its_golden_rows(package: Package, tmp_path: Path) -> None:
    packages.put(tmp_path, package.digest, package.files)
    assert answer(tmp_path, package.digest).returncode == 0


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: text[: len(text) // 2], id="truncated"),
        pytest.param(lambda text: text.replace(b"leaf_value=", b"leaf_value=9", 1), id="an edited leaf"),
        pytest.param(lambda _: b"", id="emptied"),
    ],
)
def test_damaged_trees_are_refused_before_they_are_parsed(damage: object, package: Package, tmp_path: Path) -> None:
    packages.put(tmp_path, package.digest, package.files)
    trees = tmp_path / package.digest / "learner.txt"
    trees.chmod(0o644)
    trees.write_bytes(damage(trees.read_bytes()))
    tried = answer(tmp_path, package.digest)
    assert tried.returncode == 1
    assert "learner.txt" in tried.stderr
    assert "SHA-256" in tried.stderr
