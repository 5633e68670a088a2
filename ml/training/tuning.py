"""Hyperparameter search: the search space of each candidate, and the out-of-fold loss that the search minimises."""

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
    """The range of one setting, searched on a logarithmic scale; `is_integer` marks counts."""

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
    """Return the range of each setting that is searched.

    >>> search_space(LinearQuantile())
    {'penalty': Range(low=0.0001, high=10.0, is_integer=False)}
    """
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
    """Return the declared settings, clipped to their ranges.

    All hidden layers of a network share one size, initially that of the first layer.

    >>> initial_values(Logistic(strength=50.0))
    {'strength': 10.0}
    """
    values = {}
    for name, bounds in search_space(candidate).items():
        value = getattr(candidate, name)
        number = value[0] if isinstance(value, tuple) else value
        values[name] = min(max(number, bounds.low), bounds.high)
    return values


def with_values(candidate: Candidate, values: ParameterValues) -> Candidate:
    """Return the candidate with new settings; counts are rounded, and all hidden layers get the same size.

    >>> net = NeuralNet(layers=(32, 16))
    >>> with_values(net, {**initial_values(net), "layers": 23.6}).layers
    (24, 24)
    """
    changes: dict[str, Any] = {}
    for name, bounds in search_space(candidate).items():
        value = round(values[name]) if bounds.is_integer else float(values[name])
        current = getattr(candidate, name)
        changes[name] = tuple(value for _ in current) if isinstance(current, tuple) else value
    return replace(candidate, **changes)


def validation_loss(candidate: Candidate, data: TrainingData) -> float:
    """Return the mean out-of-fold loss without calibration; raises RefusalError as `fitting.walk_forward` does."""
    _, raw = fitting.walk_forward(candidate, data)
    out_of_fold = ~np.isnan(raw)
    return float(
        data.target.row_loss(data.labels[out_of_fold], data.target.uncorrected_scores(raw[out_of_fold])).mean()
    )
