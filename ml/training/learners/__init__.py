"""What learns: each learner fits encoded features and gives a raw answer; its state is text, never a pickle."""

from typing import Protocol

from ml.arrays import Floats
from ml.training.encoding import Encoder
from ml.training.learners import linear, network, trees
from ml.training.learners.linear import Linear
from ml.training.learners.network import Network
from ml.training.learners.trees import Trees
from ml.usecase import Candidate, GradientBoosting, LinearQuantile, Logistic, NeuralNet

__all__ = ["Learner", "Linear", "Network", "Trees", "fit", "load"]


class Learner(Protocol):
    """A fitted model on encoded features."""

    @property
    def kind(self) -> str: ...

    def raw(self, features: Floats) -> Floats:
        """Return the answer before calibration, shape (n,), for encoded features, shape (n, features).

        That is log-odds of the label yes, or the number that was asked for.
        """
        ...

    def dump(self) -> str:
        """Return the state as text that `load` reads back to the same numbers."""
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
    """Return the candidate fitted on encoded features (n, features), labels (n,) and, when given, weights (n,).

    `quantile` is the one of the labels that is asked for; None where labels are yes (1) and no (0).
    """
    match candidate:
        case Logistic():
            return linear.fit(candidate, encoder, features, labels, weights)
        case LinearQuantile():
            assert quantile is not None  # a use case declares it for numbers alone
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
