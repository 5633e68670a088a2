"""Candidate files: a fitted and measured candidate as text and numbers, stored until all candidates are compared.

Each candidate is fitted by a task of its own; a later task loads the files of all and selects one.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ml.arrays import Floats, Strings
from ml.errors import RefusalError
from ml.packaging import package_files
from ml.packaging.package_files import Package
from ml.targets import Target
from ml.training import learners, splitting
from ml.training.fitting import FittedCandidate, Fold
from ml.training.selection import CandidateResult
from ml.usecase import Candidate

_CONTENDER_FILE, _SCORES_FILE, _REFUSAL_FILE = "contender.json", "scores.f8", "refusal.txt"
_FLOAT = "<f8"


@dataclass(frozen=True, kw_only=True)
class CandidateFiles:
    """A candidate's result, its settings and its files, from which `restore` rebuilds what `fitting.fit` returned."""

    contender: CandidateResult
    candidate: Candidate
    files: Mapping[str, bytes]

    @property
    def scores(self) -> Floats:
        """The calibrated out-of-fold scores, of the rows that the folds validate on, in their order."""
        return np.frombuffer(self.files[_SCORES_FILE], _FLOAT).astype(np.float64)

    def restore(self, nights: Strings) -> FittedCandidate:
        """Return the fitted candidate; `nights` (ISO dates, shape (n,)) are those of its training rows."""
        kind = str(package_files.read_manifest(self.files)["learner"])
        folds = tuple(
            Fold(learner=learners.load(kind, self.files[_fold_filename(number)].decode()), validation=validation)
            for number, (_, validation) in enumerate(splitting.folds(nights), start=1)
        )
        return FittedCandidate(
            candidate=self.candidate, model=package_files.load(self.files), folds=folds, scores=self.scores
        )


def pack(fitted: FittedCandidate, package: Package, contender: CandidateResult) -> dict[str, bytes]:
    """Return the candidate files: those of its `package`, its folds, its out-of-fold scores, and its result."""
    folds = {_fold_filename(number): fold.learner.dump().encode() for number, fold in enumerate(fitted.folds, start=1)}
    record = {"contender": asdict(contender), "settings": asdict(fitted.candidate)}
    return {
        **package.files,
        **folds,
        _SCORES_FILE: fitted.scores.astype(_FLOAT).tobytes(),
        _CONTENDER_FILE: json.dumps(record, sort_keys=True).encode(),
    }


def pack_refusal(refusal: RefusalError) -> dict[str, bytes]:
    """Return candidate files that have only the reason why the candidate could not be fitted."""
    return {_REFUSAL_FILE: str(refusal).encode()}


def load(files: Mapping[str, bytes], declared: Candidate, target: Target) -> CandidateFiles:
    """Return the candidate files of the `declared` candidate; raises the RefusalError that `pack_refusal` stored."""
    if _REFUSAL_FILE in files:
        raise RefusalError(files[_REFUSAL_FILE].decode())
    record = json.loads(files[_CONTENDER_FILE])
    contender = record["contender"]
    return CandidateFiles(
        contender=CandidateResult(**{**contender, "quality": target.restore_quality(contender["quality"])}),
        candidate=_with_settings(declared, record["settings"]),
        files=files,
    )


def _with_settings(declared: Candidate, settings: Mapping[str, Any]) -> Candidate:
    changes: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in settings.items()}
    return replace(declared, **changes)


def _fold_filename(number: int) -> str:
    return f"fold-{number}.txt"
