"""Small models of every kind for binary and regression targets, on rows with missing values and several categories."""

from functools import cache

import numpy as np
import pandas as pd

from include.settings import Settings
from include.stores import packages
from include.stores.signing import model_signing
from ml.packaging import package_files
from ml.packaging.package_files import Package
from ml.training import fitting
from ml.training.fitting import Model
from ml.usecase import Candidate, GradientBoosting, LinearQuantile, Logistic, NeuralNet
from tests import served
from tests.ml.answers import MINUTES, YES_OR_NO

CHANCE = np.random.default_rng(11)
COUNT = 480
FRAME = pd.DataFrame(
    {
        "hour": np.round(CHANCE.uniform(-12, 12, COUNT), 3),
        "zone": CHANCE.choice(["airport", "docks", "hills", "north", "old town", "süd", "west"], COUNT),
    }
)
FRAME.loc[::9, "hour"] = None
FRAME.loc[::13, "zone"] = None
WAITED = (FRAME["hour"].fillna(3).abs() + 4 * FRAME["zone"].isin(["docks", "west", "süd"])).to_numpy()
WAITED = WAITED + CHANCE.normal(0, 1, COUNT)
LATE = (np.median(WAITED) < WAITED).astype(np.float64)
NIGHTS = np.repeat([f"2013-01-{day:02d}" for day in range(1, 13)], COUNT // 12).astype(object)
TREES = GradientBoosting(trees=30, leaves=8, rows_per_leaf=5, learning_rate=0.2)
NET = NeuralNet(layers=(6, 4), epochs=8, batch=32)
KINDS: dict[str, tuple[Candidate, bool]] = {
    "trees": (TREES, False),
    "logistic": (Logistic(), False),
    "network": (NET, False),
    "trees of a number": (TREES, True),
    "linear quantile": (LinearQuantile(), True),
    "network of a number": (NET, True),
}
KNOWN: list[dict[str, object]] = package_files._records(FRAME.head(40), fitting.encoding.fit(FRAME, served.NAMES))


@cache
def model(kind: str) -> Model:
    """Return the model of that kind, fitted once per process."""
    candidate, is_regression = KINDS[kind]
    labels, target = (WAITED, MINUTES) if is_regression else (LATE, YES_OR_NO)
    material = fitting.prepare(FRAME, labels, NIGHTS, served.NAMES, target=target, seed=1, threads=1)
    return fitting.fit(candidate, material).model


def package(fitted: Model) -> Package:
    """Return the model as a package, with facts that the toy's server accepts."""
    return package_files.pack(fitted, FRAME, {**served.FACTS, "night": "2013-01-12"})


def stored(packed: Package, settings: Settings) -> str:
    """Sign and store a package, and return its digest."""
    packages.put(settings.packages, packed.digest, model_signing.sign(packed.digest, packed.files, settings))
    return packed.digest
