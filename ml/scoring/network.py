"""A small neural network on the design matrix, evaluated by NumPy."""

import json
from dataclasses import dataclass

import numpy as np

from ml.arrays import Floats
from ml.scoring.design import Design

Layers = tuple[tuple[Floats, Floats], ...]


@dataclass(frozen=True, kw_only=True)
class Network:
    """A multi-layer perceptron on the design matrix.

    `layers` has the weights and offsets of each layer. All layers but the last have a ReLU activation.
    """

    design: Design
    layers: Layers
    kind: str = "network"

    def raw(self, features: Floats) -> Floats:
        *hidden, (weights, offsets) = self.layers
        values = self.design.matrix(features)
        for each, shift in hidden:
            values = np.maximum(values @ each + shift, 0.0)
        return np.asarray((values @ weights + offsets)[:, 0], np.float64)

    def dump(self) -> str:
        layers = [[weights.tolist(), offsets.tolist()] for weights, offsets in self.layers]
        return json.dumps({**self.design.state(), "layers": layers}, sort_keys=True)

    @classmethod
    def load(cls, text: str) -> "Network":
        """Return the network that `dump` wrote."""
        state = json.loads(text)
        layers = tuple((np.array(weights), np.array(offsets)) for weights, offsets in state["layers"])
        return cls(design=Design.load(state), layers=layers)
