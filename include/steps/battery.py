"""The battery before a release: a challenger's package tried as it would be served, on rows of the latest nights."""

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import sqlalchemy as sa

from include.settings import PROJECT, Settings
from include.steps import card, pins
from include.steps import features as feature_step
from include.stores import ledger, packages, registry, shelf, snapshot
from ml import battery, packaging, snapshots, targets
from ml.arrays import Floats
from ml.battery import Trial
from ml.chain import Entry
from ml.checks import Answer, Check
from ml.errors import CardError, PackageError, RefusalError
from ml.features import ENTITY
from ml.usecase import UseCase

TESTED = "tested"
_ROWS, _SEED, _SECONDS = 300, 2013, 120


def run(case: UseCase, when: date, judged: Entry, where: Settings) -> tuple[Check, ...]:
    """Return every check of the package that was `judged`, on rows of its latest nights.

    Raises PackageError when the package cannot be served at all, RefusalError when there are no rows to try it on.
    """
    rows = _sample(case, when, judged.subject, where)
    with TemporaryDirectory() as folder:
        place = shelf.put(Path(folder), when, snapshots.pack(rows[[ENTITY, *case.feature_names]], {}))
        order = list(shelf.read(Path(folder), place).places)
        trial = _tried(judged.subject, Path(folder), where)
    rows = rows.set_index(ENTITY).loc[order].reset_index()
    files = packages.get(where.packages, judged.subject, where.trusted_keys)
    model = packaging.load(files)
    ways: dict[str, Sequence[float] | Floats] = {
        "the nightly batch": model.predict(rows),
        "the server, one by one": trial.single,
        "the server, together": trial.frame,
        "MLflow": _through_mlflow(case, judged, rows, where),
    }
    return (
        Check(name="golden rows, signature and hashes", value=1.0, bar="in a process of its own", answer=Answer.PASS),
        *battery.agreement(ways, "the nightly batch"),
        battery.stability(trial.odd, targets.of(case)),
        *battery.budget(trial, sum(map(len, files.values())), case.latency_budget, case.size_budget),
        *battery.expectations(model, rows, case.expectations),
        _card(case, when),
    )


def tested(engine: sa.Engine, judged: Entry) -> tuple[Entry, ...]:
    """Return the reports on the package that was `judged`, the oldest first."""
    return ledger.entries(engine, use_case=judged.use_case, kind=TESTED, night=judged.night, subject=judged.subject)


def passed(engine: sa.Engine, judged: Entry) -> bool:
    """Return whether the last report on the package that was `judged` has no check that failed."""
    reports = tested(engine, judged)
    return bool(reports) and reports[-1].payload["outcome"] == Answer.PASS


def served(digest: str, where: Settings) -> None:
    """Raise PackageError unless the package gives its golden rows the scores it was packed with, in a process of its own."""
    _child(digest, "include.serving.golden", where)


def _sample(case: UseCase, when: date, digest: str, where: Settings) -> pd.DataFrame:
    """Return rows of the features of the latest nights up to `when`, drawn the same by every run."""
    version = snapshot.take(case, where).version(feature_step.STAGE, feature_step.TABLE)
    first = case.horizon.before(when, case.gates.judged_nights)
    rows = feature_step.read(where.lake, case, str(first), str(when), version)
    rows = rows.drop_duplicates(ENTITY, keep="last")
    if rows.empty:
        raise RefusalError(f"expected features of {case.name} in {first}..{when} to try the package on, found none")
    pins.require_rows(digest, rows, case, where)
    return rows.sample(min(_ROWS, len(rows)), random_state=_SEED)


def _tried(digest: str, shelf_of_rows: Path, where: Settings) -> Trial:
    told = json.loads(_child(digest, "include.serving.trial", where, str(shelf_of_rows)))
    return Trial(**told)


def _child(digest: str, program: str, where: Settings, *more: str) -> str:
    """Return what a program that loads the package printed; raises PackageError with its last words where it failed."""
    command = [sys.executable, "-m", program, str(where.packages), digest, str(where.trusted_keys), *more]
    tried = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if tried.returncode != 0:
        said = (tried.stderr.strip().splitlines() or [f"the process ended with code {tried.returncode}"])[-1]
        raise PackageError(f"package {digest[:12]} fails its battery: {said}")
    return tried.stdout


def _through_mlflow(case: UseCase, judged: Entry, rows: pd.DataFrame, where: Settings) -> Floats:
    """Return the scores of the registered version, to which categories are texts."""
    names = list(case.feature_names)
    words = {name: object for name in names if rows[name].dtype == "category"}
    frame = rows[names].astype(words)
    frame = frame.assign(**{name: frame[name].where(frame[name].notna(), None) for name in words})
    return registry.predict(where, case.name, str(judged.payload["version"]), frame)


def _card(case: UseCase, when: date) -> Check:
    try:
        card.check(case.name, str(when))
    except CardError as fault:
        return Check(name=str(fault), value=1.0, bar="the model card says what was recorded", answer=Answer.FAIL)
    return Check(name="numbers of the model card that differ", value=0.0, bar="0", answer=Answer.PASS)
