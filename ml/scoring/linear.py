"""Linear models on the design matrix."""

import json
from dataclasses import dataclass

import numpy as np

from ml.arrays import Floats
from ml.scoring.design import Design


@dataclass(frozen=True, kw_only=True)
class Linear:
    """A fitted linear model: raw score = design matrix x weights + intercept."""

    design: Design
    weights: Floats
    intercept: float
    kind: str = "linear"

    def raw(self, features: Floats) -> Floats:
        # A product by BLAS may depend in its last bit on the number of rows: a row alone would get another score.
        rows = np.ascontiguousarray(self.design.matrix(features))
        return np.asarray(np.einsum("ij,j->i", rows, self.weights) + self.intercept, np.float64)

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
