"""A draft: a candidate as it was fitted and measured by itself, as text and numbers, until all meet and one is chosen."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ml.arrays import Strings
from ml.errors import RefusalError
from ml.packaging import package_files
from ml.packaging.package_files import Package
from ml.targets import Target
from ml.training import learners, splitting
from ml.training.fitting import Fitted, Fold
from ml.training.selection import Contender
from ml.usecase import Candidate

_CONTENDER, _SCORES, _REFUSAL = "contender.json", "scores.f8", "refusal.txt"
_FLOAT = "<f8"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A contender, and the candidate's settings and files, from which `fitted` makes what `training.fit` had returned."""

    contender: Contender
    candidate: Candidate
    files: Mapping[str, bytes]

    def fitted(self, nights: Strings) -> Fitted:
        """Return the fitted candidate; `nights` are those of the rows that it learned from, shape (n,)."""
        kind = str(package_files.read_manifest(self.files)["learner"])
        folds = tuple(
            Fold(learner=learners.load(kind, self.files[_fold(number)].decode()), ahead=ahead)
            for number, (_, ahead) in enumerate(splitting.folds(nights), start=1)
        )
        scores = np.frombuffer(self.files[_SCORES], _FLOAT).astype(np.float64)
        return Fitted(candidate=self.candidate, model=package_files.load(self.files), folds=folds, scores=scores)


def pack(fitted: Fitted, package: Package, contender: Contender) -> dict[str, bytes]:
    """Return the files of a draft: those of the candidate's `package`, its folds, its scores ahead, its measures."""
    folds = {_fold(number): fold.learner.dump().encode() for number, fold in enumerate(fitted.folds, start=1)}
    told = {"contender": asdict(contender), "settings": asdict(fitted.candidate)}
    return {
        **package.files,
        **folds,
        _SCORES: fitted.scores.astype(_FLOAT).tobytes(),
        _CONTENDER: json.dumps(told, sort_keys=True).encode(),
    }


def refused(refusal: RefusalError) -> dict[str, bytes]:
    """Return the files of a draft that says only why there is no candidate."""
    return {_REFUSAL: str(refusal).encode()}


def load(files: Mapping[str, bytes], declared: Candidate, target: Target) -> Draft:
    """Return the draft of the candidate that is `declared`; raises the RefusalError that it has in its place."""
    if _REFUSAL in files:
        raise RefusalError(files[_REFUSAL].decode())
    told = json.loads(files[_CONTENDER])
    measured = told["contender"]
    return Draft(
        contender=Contender(**{**measured, "quality": target.recall(measured["quality"])}),
        candidate=_settled(declared, told["settings"]),
        files=files,
    )


def _settled(declared: Candidate, settings: Mapping[str, Any]) -> Candidate:
    changes: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in settings.items()}
    return replace(declared, **changes)


def _fold(number: int) -> str:
    return f"fold-{number}.txt"
