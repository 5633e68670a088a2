"""Logistic regression and linear quantile regression on the design matrix."""

import json
from dataclasses import dataclass

import numpy as np

from ml.arrays import Floats
from ml.statistics import quantiles
from ml.training.encoding import Encoder
from ml.training.learners.design import Design
from ml.usecase import LinearQuantile, Logistic


@dataclass(frozen=True, kw_only=True)
class Linear:
    """A fitted linear model: raw score = design matrix x weights + intercept."""

    design: Design
    weights: Floats
    intercept: float
    kind: str = "linear"

    def raw(self, features: Floats) -> Floats:
        return np.asarray(self.design.matrix(features) @ self.weights + self.intercept, np.float64)

    def terms(self, features: Floats) -> Floats:
        """Return each encoded feature's contribution to the raw score, shape (n, features), without the intercept."""
        products = self.design.matrix(features) * self.weights
        belongs = self.design.origins[:, None] == np.arange(features.shape[1])
        return np.asarray(products @ belongs, np.float64)

    def dump(self) -> str:
        state = {**self.design.state(), "weights": self.weights.tolist(), "intercept": self.intercept}
        return json.dumps(state, sort_keys=True)

    @classmethod
    def load(cls, text: str) -> "Linear":
        """Return the linear model that `dump` wrote."""
        state = json.loads(text)
        return cls(design=Design.load(state), weights=np.array(state["weights"]), intercept=state["intercept"])


def fit(candidate: Logistic, encoder: Encoder, features: Floats, labels: Floats, weights: Floats | None) -> Linear:
    """Return a logistic regression of labels (n,) on encoded features (n, features), with optional weights (n,)."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    design = Design.from_features(encoder, features)
    with threadpool_limits(limits=1, user_api="blas"):  # another order of summation changes the package's digest
        fitted = LogisticRegression(C=candidate.strength, solver="newton-cholesky").fit(
            design.matrix(features), labels, sample_weight=weights
        )
    return Linear(design=design, weights=fitted.coef_[0], intercept=float(fitted.intercept_[0]))


def fit_quantile(
    candidate: LinearQuantile,
    encoder: Encoder,
    features: Floats,
    labels: Floats,
    weights: Floats | None,
    quantile: float,
) -> Linear:
    """Return a linear regression of the `quantile` of labels (n,) on encoded features (n, features).

    The rows may have weights (n,).
    """
    from threadpoolctl import threadpool_limits

    design = Design.from_features(encoder, features)
    with threadpool_limits(limits=1, user_api="blas"):
        slopes, intercept = quantiles.regress(design.matrix(features), labels, quantile, candidate.penalty, weights)
    return Linear(design=design, weights=slopes, intercept=intercept)
