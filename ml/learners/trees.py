"""LightGBM trees, kept in their own text form."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ml.arrays import Floats
from ml.encoding import Encoder
from ml.usecase import GradientBoosting

if TYPE_CHECKING:
    import lightgbm


@dataclass(frozen=True, kw_only=True)
class Trees:
    """LightGBM trees in their text form."""

    text: str
    kind: str = "trees"

    @cached_property
    def _booster(self) -> "lightgbm.Booster":
        import lightgbm

        return lightgbm.Booster(model_str=self.text)

    def raw(self, features: Floats) -> Floats:
        return np.asarray(self._booster.predict(features, raw_score=True, num_threads=1), np.float64)

    def contributions(self, features: Floats) -> Floats:
        """Return each encoded feature's SHAP value, and last what is expected without any, shape (n, features + 1)."""
        return np.asarray(self._booster.predict(features, pred_contrib=True, num_threads=1), np.float64)

    def dump(self) -> str:
        return self.text


def fit(
    candidate: GradientBoosting,
    encoder: Encoder,
    features: Floats,
    labels: Floats,
    weights: Floats | None,
    seed: int,
    threads: int,
    quantile: float | None = None,
) -> Trees:
    """Return trees grown on encoded features (n, features), labels (n,) and weights (n,), for a `quantile` or a yes."""
    import lightgbm

    data = lightgbm.Dataset(
        features, labels, weight=weights, categorical_feature=list(encoder.categories), free_raw_data=True
    )
    booster = lightgbm.train(parameters(candidate, seed, threads, quantile), data, num_boost_round=candidate.trees)
    return Trees(text=_without_threads(booster.model_to_string()))


def _without_threads(text: str) -> str:
    """Return the trees without how many threads grew them: as many as there are cores, and the same trees."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("[num_threads:"))


def parameters(
    candidate: GradientBoosting, seed: int, threads: int, quantile: float | None = None
) -> dict[str, object]:
    """Return what LightGBM is told."""
    objective = {"objective": "binary"} if quantile is None else {"objective": "quantile", "alpha": quantile}
    return {
        **objective,
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
