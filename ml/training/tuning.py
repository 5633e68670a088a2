"""What may be tuned of a candidate, and what settings are worth: what they lose on nights that walk ahead."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml.training import fitting
from ml.training.fitting import TrainingData
from ml.usecase import Candidate, GradientBoosting, LinearQuantile, Logistic, NeuralNet

ParameterValues = Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """From where to where a setting is searched, by ratio; `whole` ones are counts."""

    low: float
    high: float
    is_integer: bool = False


_LOGISTIC = {"strength": Range(low=1e-5, high=10.0)}
_LINEAR = {"penalty": Range(low=1e-4, high=10.0)}
_TREES = {
    "trees": Range(low=50, high=600, is_integer=True),
    "leaves": Range(low=7, high=127, is_integer=True),
    "learning_rate": Range(low=0.01, high=0.3),
    "rows_per_leaf": Range(low=10, high=1000, is_integer=True),
    "feature_share": Range(low=0.1, high=1.0),
    "row_share": Range(low=0.3, high=1.0),
}
_NET = {
    "layers": Range(low=4, high=128, is_integer=True),
    "penalty": Range(low=1e-5, high=100.0),
    "learning_rate": Range(low=1e-4, high=1e-2),
    "epochs": Range(low=2, high=40, is_integer=True),
}


def search_space(candidate: Candidate) -> Mapping[str, Range]:
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


def initial_values(candidate: Candidate) -> dict[str, float]:
    """Return the settings as they are declared, brought into their ranges; hidden layers share one size, the first's."""
    values = {}
    for name, bounds in search_space(candidate).items():
        value = getattr(candidate, name)
        number = value[0] if isinstance(value, tuple) else value
        values[name] = min(max(number, bounds.low), bounds.high)
    return values


def with_values(candidate: Candidate, values: ParameterValues) -> Candidate:
    """Return the candidate with the settings that were found."""
    changes: dict[str, Any] = {}
    for name, bounds in search_space(candidate).items():
        value = round(values[name]) if bounds.is_integer else float(values[name])
        current = getattr(candidate, name)
        changes[name] = tuple(value for _ in current) if isinstance(current, tuple) else value
    return replace(candidate, **changes)


def validation_loss(candidate: Candidate, data: TrainingData) -> float:
    """Return the loss of the nights ahead of each fold, uncorrected; raises RefusalError as `training.walk` does."""
    _, raw = fitting.walk_forward(candidate, data)
    out_of_fold = ~np.isnan(raw)
    return float(
        data.target.row_loss(data.labels[out_of_fold], data.target.uncorrected_scores(raw[out_of_fold])).mean()
    )
