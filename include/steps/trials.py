"""A package tried as it would be served: its loader and a snapshot of features, in a process of its own."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from include.serving import children
from include.settings import Settings
from include.stores import shelf
from ml import snapshots
from ml.battery import Trial
from ml.features import ENTITY

_SEED = 2013
ROWS = 300


def sample(rows: pd.DataFrame) -> pd.DataFrame:
    """Return up to 300 of `rows` to try a package on, of each entity the last."""
    newest = rows.drop_duplicates(ENTITY, keep="last")
    return newest.sample(min(ROWS, len(newest)), random_state=_SEED)


def run(
    packages: Path, digest: str, rows: pd.DataFrame, names: Sequence[str], when: date, where: Settings
) -> tuple[Trial, pd.DataFrame]:
    """Return how the package answers the features `names` of `rows`, and `rows` in the order of its answers.

    Raises PackageError when the package in the folder `packages` cannot be served at all.
    """
    with TemporaryDirectory() as folder:
        place = shelf.put(Path(folder), when, snapshots.pack(rows[[ENTITY, *names]], {}))
        order = list(shelf.read(Path(folder), place).places)
        told = children.run("include.serving.trial", packages, digest, where, folder)
    return Trial(**json.loads(told)), rows.set_index(ENTITY).loc[order].reset_index()
