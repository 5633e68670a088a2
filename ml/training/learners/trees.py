"""LightGBM trees, kept in their own text form."""

import ctypes
import threading
import weakref
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ml.arrays import Floats
from ml.training.encoding import Encoder
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

    @cached_property
    def _single_row(self) -> "SingleRowPredictor":
        return SingleRowPredictor(self._booster)

    def raw(self, features: Floats) -> Floats:
        if len(features) == 1:
            return np.array([self._single_row.raw(features)])
        return np.asarray(self._booster.predict(features, raw_score=True, num_threads=1), np.float64)

    def contributions(self, features: Floats) -> Floats:
        """Return each encoded feature's SHAP value, and last what is expected without any, shape (n, features + 1)."""
        return np.asarray(self._booster.predict(features, pred_contrib=True, num_threads=1), np.float64)

    def dump(self) -> str:
        return self.text


class SingleRowPredictor:
    """One row at a time by LightGBM's own interface for that, six times as fast as its general one, and the same sums."""

    _FLOAT64, _RAW = 1, 1  # C_API_DTYPE_FLOAT64, C_API_PREDICT_RAW_SCORE

    def __init__(self, booster: "lightgbm.Booster") -> None:
        from lightgbm.basic import _LIB, _safe_call

        self._booster, self._library, self._check = booster, _LIB, _safe_call
        self._columns, self._lock = booster.num_feature(), threading.Lock()
        self._row = np.empty((1, self._columns))
        self._config, self._length, self._output = ctypes.c_void_p(), ctypes.c_int64(), ctypes.c_double()
        self._arguments = (
            self._config,
            ctypes.c_void_p(self._row.ctypes.data),
            ctypes.byref(self._length),
            ctypes.byref(self._output),
        )
        status = self._library.LGBM_BoosterPredictForMatSingleRowFastInit(
            booster._handle,
            ctypes.c_int(self._RAW),
            ctypes.c_int(0),
            ctypes.c_int(-1),
            ctypes.c_int(self._FLOAT64),
            ctypes.c_int32(self._columns),
            ctypes.c_char_p(b"num_threads=1"),
            ctypes.byref(self._config),
        )
        self._check(status)
        weakref.finalize(self, self._library.LGBM_FastConfigFree, self._config)

    def raw(self, features: Floats) -> float:
        """Return the raw answer to one row, shape (1, features)."""
        if features.shape != self._row.shape:
            raise ValueError(f"expected {self._columns} features, got {features.shape[1]}")
        with self._lock:
            self._row[:] = features
            self._check(self._library.LGBM_BoosterPredictForMatSingleRowFast(*self._arguments))
            return self._output.value


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
