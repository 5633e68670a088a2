"""What learns: each learner fits encoded features and gives log-odds; its state is text, never a pickle."""

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ml.arrays import Booleans, Floats
from ml.encoding import Encoder
from ml.usecase import Candidate, GradientBoosting, Logistic

if TYPE_CHECKING:
    import lightgbm


class Learner(Protocol):
    """A fitted model on encoded features."""

    @property
    def kind(self) -> str: ...

    def log_odds(self, features: Floats) -> Floats:
        """Return log-odds of the label, shape (n,), for encoded features, shape (n, features)."""
        ...

    def dump(self) -> str:
        """Return the state as text that `load` reads back to the same numbers."""
        ...


def fit(candidate: Candidate, encoder: Encoder, features: Floats, labels: Floats, seed: int, threads: int) -> Learner:
    """Return the candidate fitted on encoded features (n, features) and labels (n,)."""
    match candidate:
        case Logistic():
            return _fit_logistic(candidate, encoder, features, labels)
        case GradientBoosting():
            return _fit_trees(candidate, encoder, features, labels, seed, threads)


def load(kind: str, text: str) -> Learner:
    """Return the learner that `dump` wrote."""
    return Trees(text=text) if kind == "trees" else Linear.load(text)


@dataclass(frozen=True, kw_only=True)
class Trees:
    """LightGBM trees in their text form."""

    text: str
    kind: str = "trees"

    @cached_property
    def _booster(self) -> "lightgbm.Booster":
        import lightgbm

        return lightgbm.Booster(model_str=self.text)

    def log_odds(self, features: Floats) -> Floats:
        return np.asarray(self._booster.predict(features, raw_score=True, num_threads=1), np.float64)

    def dump(self) -> str:
        return self.text


@dataclass(frozen=True, kw_only=True)
class Linear:
    """A linear form: numbers standardised (missing = mean, and flagged), categories one-hot (unseen = none)."""

    sizes: tuple[int, ...]
    means: Floats
    scales: Floats
    flagged: Booleans
    weights: Floats
    intercept: float
    kind: str = "linear"

    def log_odds(self, features: Floats) -> Floats:
        return np.asarray(self.design(features) @ self.weights + self.intercept, np.float64)

    def design(self, features: Floats) -> Floats:
        """Return the design matrix, shape (n, numbers + flags + levels); `sizes` is 0 for a number."""
        number = np.array(self.sizes) == 0
        values = features[:, number]
        missing = np.isnan(values)
        standardised = np.where(missing, 0.0, (values - self.means) / self.scales)
        hot = [features[:, [i]] == np.arange(size) for i, size in enumerate(self.sizes) if size]
        return np.hstack([standardised, missing[:, self.flagged], *hot]).astype(np.float64)

    def dump(self) -> str:
        state = {
            "sizes": list(self.sizes),
            "means": self.means.tolist(),
            "scales": self.scales.tolist(),
            "flagged": self.flagged.tolist(),
            "weights": self.weights.tolist(),
            "intercept": self.intercept,
        }
        return json.dumps(state, sort_keys=True)

    @classmethod
    def load(cls, text: str) -> "Linear":
        state = json.loads(text)
        return cls(
            sizes=tuple(state["sizes"]),
            means=np.array(state["means"]),
            scales=np.array(state["scales"]),
            flagged=np.array(state["flagged"], bool),
            weights=np.array(state["weights"]),
            intercept=state["intercept"],
        )


def _fit_logistic(candidate: Logistic, encoder: Encoder, features: Floats, labels: Floats) -> Linear:
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    sizes = tuple(size or 0 for size in encoder.sizes)
    numbers = features[:, np.array(sizes) == 0]
    known = ~np.isnan(numbers)
    counts = np.maximum(known.sum(axis=0), 1)
    means = np.where(known, numbers, 0.0).sum(axis=0) / counts
    deviations = np.sqrt(np.where(known, (numbers - means) ** 2, 0.0).sum(axis=0) / counts)
    unfitted = Linear(
        sizes=sizes,
        means=means,
        scales=np.where(deviations > 0, deviations, 1.0),
        flagged=np.asarray((~known).any(axis=0), np.bool_),
        weights=np.zeros(0),
        intercept=0.0,
    )
    with threadpool_limits(limits=1, user_api="blas"):  # sums in another order are another digest
        fitted = LogisticRegression(C=candidate.strength, solver="newton-cholesky").fit(
            unfitted.design(features), labels
        )
    return replace(unfitted, weights=fitted.coef_[0], intercept=float(fitted.intercept_[0]))


def _fit_trees(
    candidate: GradientBoosting, encoder: Encoder, features: Floats, labels: Floats, seed: int, threads: int
) -> Trees:
    import lightgbm

    parameters = {
        "objective": "binary",
        "num_leaves": candidate.leaves,
        "learning_rate": candidate.learning_rate,
        "min_data_in_leaf": candidate.rows_per_leaf,
        "feature_fraction": candidate.feature_share,
        "bagging_fraction": candidate.row_share,
        "bagging_freq": 1,
        "extra_trees": candidate.random_splits,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(features, labels, categorical_feature=list(encoder.categories), free_raw_data=True)
    booster = lightgbm.train(parameters, data, num_boost_round=candidate.trees)
    return Trees(text=booster.model_to_string())
