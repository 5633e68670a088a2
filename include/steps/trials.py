"""A package tried as it would be served: its loader and a snapshot of features, in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from include.settings import PROJECT, Settings
from include.stores import shelf
from ml import snapshots
from ml.battery import Trial
from ml.errors import PackageError
from ml.features import ENTITY

_SEED, _SECONDS = 2013, 120
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
        told = child("include.serving.trial", packages, digest, where, folder)
    return Trial(**json.loads(told)), rows.set_index(ENTITY).loc[order].reset_index()


def child(program: str, packages: Path, digest: str, where: Settings, *more: str) -> str:
    """Return what a program that loads the package printed; raises PackageError with its last words where it failed."""
    command = [sys.executable, "-m", program, str(packages), digest, str(where.trusted_keys), *more]
    try:
        tried = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise PackageError(f"package {digest[:12]} cannot be served: no answer within {_SECONDS} seconds") from None
    if tried.returncode != 0:
        said = (tried.stderr.strip().splitlines() or [f"the process ended with code {tried.returncode}"])[-1]
        raise PackageError(f"package {digest[:12]} cannot be served: {said}")
    return tried.stdout
