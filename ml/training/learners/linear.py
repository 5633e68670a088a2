"""Fitting of logistic regression and linear quantile regression on the design matrix."""

from ml.arrays import Floats
from ml.scoring.design import Design
from ml.scoring.encoder import Encoder
from ml.scoring.linear import Linear
from ml.statistics import quantiles
from ml.usecase import LinearQuantile, Logistic


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
