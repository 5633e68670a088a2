"""What learns: each learner fits encoded features and gives log-odds; its state is text, never a pickle."""

from typing import Protocol

from ml.arrays import Floats
from ml.encoding import Encoder
from ml.learners import linear, network, trees
from ml.learners.linear import Linear
from ml.learners.network import Network
from ml.learners.trees import Trees
from ml.usecase import Candidate, GradientBoosting, Logistic, NeuralNet

__all__ = ["Learner", "Linear", "Network", "Trees", "fit", "load"]


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


def fit(
    candidate: Candidate,
    encoder: Encoder,
    features: Floats,
    labels: Floats,
    seed: int,
    threads: int,
    weights: Floats | None = None,
) -> Learner:
    """Return the candidate fitted on encoded features (n, features), labels (n,) and, when given, weights (n,)."""
    match candidate:
        case Logistic():
            return linear.fit(candidate, encoder, features, labels, weights)
        case GradientBoosting():
            return trees.fit(candidate, encoder, features, labels, weights, seed, threads)
        case NeuralNet():
            return network.fit(candidate, encoder, features, labels, weights, seed)


def load(kind: str, text: str) -> Learner:
    """Return the learner that `dump` wrote."""
    match kind:
        case "trees":
            return Trees(text=text)
        case "network":
            return Network.load(text)
        case _:
            return Linear.load(text)
