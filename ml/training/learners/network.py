"""Fitting of a small neural network by scikit-learn."""

import warnings
from collections.abc import Callable
from typing import Any

from ml.arrays import Floats
from ml.scoring.design import Design
from ml.scoring.encoder import Encoder
from ml.scoring.network import Layers, Network
from ml.statistics import quantiles
from ml.usecase import NeuralNet


def fit(
    candidate: NeuralNet,
    encoder: Encoder,
    features: Floats,
    labels: Floats,
    weights: Floats | None,
    seed: int,
    quantile: float | None = None,
) -> Network:
    """Return a network fitted on encoded features (n, features), labels (n,) and optional weights (n,) for all epochs.

    For a `quantile`, the network learns the mean of the standardised labels by least squares. Then a constant is added
    to its output, so that the given share of the training labels lies below it.
    """
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    design = Design.from_features(encoder, features)
    if quantile is None:
        return Network(
            design=design, layers=_fit_layers(MLPClassifier, candidate, design, features, labels, weights, seed)
        )
    middle, scale = float(labels.mean()), float(labels.std()) or 1.0
    standard = (labels - middle) / scale
    *hidden, (last, offsets) = _fit_layers(MLPRegressor, candidate, design, features, standard, weights, seed)
    network = Network(design=design, layers=(*hidden, (last * scale, offsets * scale + middle)))
    correction = quantiles.weighted_quantile(labels - network.raw(features), quantile, weights)
    return Network(design=design, layers=(*hidden, (last * scale, offsets * scale + (middle + correction))))


def _fit_layers(
    estimator_class: Callable[..., Any],
    candidate: NeuralNet,
    design: Design,
    features: Floats,
    labels: Floats,
    weights: Floats | None,
    seed: int,
) -> Layers:
    """Return the fitted layers of a scikit-learn network of the given class."""
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    learner = estimator_class(
        hidden_layer_sizes=candidate.layers,
        alpha=candidate.penalty,
        learning_rate_init=candidate.learning_rate,
        batch_size=min(candidate.batch, len(labels)),
        max_iter=candidate.epochs,
        n_iter_no_change=candidate.epochs,
        random_state=seed,
    )
    with warnings.catch_warnings(), threadpool_limits(limits=1, user_api="blas"):
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is a declared setting
        learner.fit(design.matrix(features), labels, sample_weight=weights)
    return tuple(zip(learner.coefs_, learner.intercepts_, strict=True))
