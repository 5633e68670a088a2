"""What may be tuned of a candidate, and what settings are worth: what they lose on nights that walk ahead."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml.training import fitting
from ml.training.fitting import Material
from ml.usecase import Candidate, GradientBoosting, LinearQuantile, Logistic, NeuralNet

Found = Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """From where to where a setting is searched, by ratio; `whole` ones are counts."""

    low: float
    high: float
    whole: bool = False


_LOGISTIC = {"strength": Range(low=1e-5, high=10.0)}
_LINEAR = {"penalty": Range(low=1e-4, high=10.0)}
_TREES = {
    "trees": Range(low=50, high=600, whole=True),
    "leaves": Range(low=7, high=127, whole=True),
    "learning_rate": Range(low=0.01, high=0.3),
    "rows_per_leaf": Range(low=10, high=1000, whole=True),
    "feature_share": Range(low=0.1, high=1.0),
    "row_share": Range(low=0.3, high=1.0),
}
_NET = {
    "layers": Range(low=4, high=128, whole=True),
    "penalty": Range(low=1e-5, high=100.0),
    "learning_rate": Range(low=1e-4, high=1e-2),
    "epochs": Range(low=2, high=40, whole=True),
}


def space(candidate: Candidate) -> Mapping[str, Range]:
    """Return which settings of the candidate are searched, and where."""
    match candidate:
        case Logistic():
            return _LOGISTIC
        case LinearQuantile():
            return _LINEAR
        case GradientBoosting():
            return _TREES
        case NeuralNet():
            return _NET


def declared(candidate: Candidate) -> dict[str, float]:
    """Return the settings as they are declared, brought into their ranges; hidden layers share one size, the first's."""
    found = {}
    for name, span in space(candidate).items():
        value = getattr(candidate, name)
        number = value[0] if isinstance(value, tuple) else value
        found[name] = min(max(number, span.low), span.high)
    return found


def settle(candidate: Candidate, found: Found) -> Candidate:
    """Return the candidate with the settings that were found."""
    changes: dict[str, Any] = {}
    for name, span in space(candidate).items():
        value = round(found[name]) if span.whole else float(found[name])
        before = getattr(candidate, name)
        changes[name] = tuple(value for _ in before) if isinstance(before, tuple) else value
    return replace(candidate, **changes)


def loss(candidate: Candidate, material: Material) -> float:
    """Return the loss of the nights ahead of each fold, uncorrected; raises RefusalError as `training.walk` does."""
    _, raw = fitting.walk(candidate, material)
    ahead = ~np.isnan(raw)
    return float(material.target.row_loss(material.labels[ahead], material.target.answers(raw[ahead])).mean())
