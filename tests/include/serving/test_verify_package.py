"""A package that is not what was judged never passes its acceptance tests."""

import ast
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from include import provenance
from include.settings import PROJECT, Settings
from include.stores import packages
from include.stores.signing import model_signing
from ml.packaging import package_files
from ml.packaging.package_files import Package
from ml.training import fitting
from ml.usecase import GradientBoosting, Text
from tests.ml.answers import YES_OR_NO

CHANCE = np.random.default_rng(3)
FRAME = pd.DataFrame({"hour": CHANCE.uniform(0, 24, 600), "zone": pd.Categorical(CHANCE.choice(["a", "b"], 600))})
LABELS = (FRAME["hour"].to_numpy() > 12).astype(float)
NIGHTS = np.repeat([f"2013-01-{day:02d}" for day in range(1, 13)], 50).astype(object)
TREES = GradientBoosting(trees=5, leaves=4, rows_per_leaf=10)


@pytest.fixture(scope="module")
def package() -> Package:
    fitted = fitting.fit(
        TREES, fitting.prepare(FRAME, LABELS, NIGHTS, ("hour", "zone"), target=YES_OR_NO, seed=1, threads=1)
    )
    return package_files.pack(fitted.model, FRAME, {"use_case": "taxi"})


def answer(settings: Settings, digest: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "include.serving.verify_package",
        str(settings.packages),
        digest,
        str(settings.trusted_keys),
    ]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)


def test_a_whole_package_answers_its_golden_rows(package: Package, home: Settings) -> None:
    packages.put(home.packages, package.digest, model_signing.sign(package.digest, package.files, home))
    assert answer(home, package.digest).returncode == 0


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: text[: len(text) // 2], id="truncated"),
        pytest.param(lambda text: text.replace(b"leaf_value=", b"leaf_value=9", 1), id="an edited leaf"),
        pytest.param(lambda _: b"", id="emptied"),
    ],
)
def test_damaged_trees_are_refused_before_they_are_parsed(damage: object, package: Package, home: Settings) -> None:
    packages.put(home.packages, package.digest, model_signing.sign(package.digest, package.files, home))
    trees = home.packages / package.digest / "learner.txt"
    trees.chmod(0o644)
    trees.write_bytes(damage(trees.read_bytes()))
    tried = answer(home, package.digest)
    assert tried.returncode == 1
    assert "learner.txt" in tried.stderr
    assert "SHA-256" in tried.stderr


ALONE = """
import sys
from importlib import metadata
allowed = set(sys.argv[3].split(","))
owners = metadata.packages_distributions()

class Gate:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in owners and not allowed & {owner.lower() for owner in owners[top]}:
            raise ImportError(f"{name} is not for serving")

sys.meta_path.insert(0, Gate())
import json
from pathlib import Path
from include.stores import packages
from ml.packaging import package_files
folder, trusted = map(Path, sys.argv[1:3])
(place,) = folder.iterdir()
files = packages.get(folder, place.name, trusted)
model = package_files.load(files)
if "pandas" in allowed:
    from include.stores import snapshot_store
    package_files.check_golden(model, files)
    snapshot_store.SnapshotCache(folder / "none").refresh()
else:
    golden = json.loads(files["golden.json"])
    assert [model.predict_row(row) for row in golden["rows"]] == golden["scores"]
from include.serving import explanations  # as the model that MLflow loads does
golden = json.loads(files["golden.json"])
explained = explanations.explain(model, model.encoder.encode_row(golden["rows"][0]), 2)
assert explanations.show_values(explained[0], golden["rows"][0], ()).to_json()["contributions"]
loaded = {name.partition(".")[0] for name in list(sys.modules)}
print(sorted({owner.lower() for name in loaded for owner in owners.get(name, ())} - {"ratchet"}))
"""


def serving(settings: Settings, allowed: set[str]) -> set[str]:
    """Return the distributions that loading and answering imports where only `allowed` ones can be."""
    command = [
        sys.executable,
        "-c",
        ALONE,
        str(settings.packages),
        str(settings.trusted_keys),
        ",".join(allowed | {"ratchet"}),
    ]
    tried = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)
    assert tried.returncode == 0, tried.stderr
    return set(ast.literal_eval(tried.stdout))


def pinned() -> set[str]:
    return set(re.findall(r"^([\w.-]+)==", provenance.serving_lock().decode(), re.MULTILINE))


def test_a_package_with_a_text_is_served_by_what_its_requirements_pin_and_each_of_them_is_needed(
    home: Settings,
) -> None:
    notes = FRAME.assign(note=["fog", "snow", "crew"] * 200)
    texts = (Text("note", components=2, buckets=128),)
    fitted = fitting.fit(
        TREES, fitting.prepare(notes, LABELS, NIGHTS, tuple(notes), target=YES_OR_NO, seed=1, threads=1, texts=texts)
    )
    packed = package_files.pack(fitted.model, notes, {})
    packages.put(home.packages, packed.digest, model_signing.sign(packed.digest, packed.files, home))
    imported = serving(home, pinned())
    assert set(provenance.serving_libraries()) <= imported
    assert not {"mlflow", "apache-airflow", "apache-airflow-core", "sqlalchemy"} & pinned()


def test_single_rows_are_answered_without_pandas(package: Package, home: Settings) -> None:
    packages.put(home.packages, package.digest, model_signing.sign(package.digest, package.files, home))
    assert "pandas" not in serving(home, pinned() - {"pandas", "scikit-learn"})
