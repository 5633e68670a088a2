"""Learners: models fitted on encoded features. Their state is stored as text, never as a pickle."""

from typing import Protocol

from ml.arrays import Floats
from ml.scoring.encoder import Encoder
from ml.scoring.linear import Linear
from ml.scoring.network import Network
from ml.training.learners import linear, network, trees
from ml.training.learners.trees import Trees
from ml.usecase import Candidate, GradientBoosting, LinearQuantile, Logistic, NeuralNet

__all__ = ["Learner", "Linear", "Network", "Trees", "fit", "load"]


class Learner(Protocol):
    """A fitted model on encoded features."""

    @property
    def kind(self) -> str: ...

    def raw(self, features: Floats) -> Floats:
        """Return uncalibrated scores of shape (n,) for encoded features of shape (n, features).

        For a binary label these are log-odds; for a regression they are in the unit of the label.
        """
        ...

    def dump(self) -> str:
        """Return the state as text; `load` restores exactly the same numbers."""
        ...


def fit(
    candidate: Candidate,
    encoder: Encoder,
    features: Floats,
    labels: Floats,
    seed: int,
    threads: int,
    weights: Floats | None = None,
    quantile: float | None = None,
) -> Learner:
    """Return the candidate fitted on encoded features (n, features), labels (n,) and optional weights (n,).

    `quantile` is the quantile of the label to predict; None for a binary label (1 or 0).
    """
    match candidate:
        case Logistic():
            return linear.fit(candidate, encoder, features, labels, weights)
        case LinearQuantile():
            assert quantile is not None  # a use case may declare LinearQuantile only for a regression
            return linear.fit_quantile(candidate, encoder, features, labels, weights, quantile)
        case GradientBoosting():
            return trees.fit(candidate, encoder, features, labels, weights, seed, threads, quantile)
        case NeuralNet():
            return network.fit(candidate, encoder, features, labels, weights, seed, quantile)


def load(kind: str, text: str) -> Learner:
    """Return the learner that `dump` wrote."""
    match kind:
        case "trees":
            return Trees(text=text)
        case "network":
            return Network.load(text)
        case _:
            return Linear.load(text)
