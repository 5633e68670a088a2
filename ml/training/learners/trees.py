"""Gradient boosting by LightGBM, stored in LightGBM's text format."""

import ctypes
import threading
import weakref
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ml.arrays import Floats
from ml.scoring.encoder import Encoder
from ml.usecase import GradientBoosting

if TYPE_CHECKING:
    import lightgbm


@dataclass(frozen=True, kw_only=True)
class Trees:
    """A fitted LightGBM model; `text` is its text format."""

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

    @cached_property
    def _contribution_lock(self) -> threading.Lock:
        return threading.Lock()

    def contributions(self, features: Floats, threads: int = 1) -> Floats:
        """Return SHAP values of shape (n, features + 1); the last column is the expected value without any feature.

        Calls run one after the other: at the start of each, LightGBM writes the depth of every tree anew, and while it
        does, a call in another thread could reserve too little memory for its paths.
        """
        with self._contribution_lock:
            return np.asarray(self._booster.predict(features, pred_contrib=True, num_threads=threads), np.float64)

    def dump(self) -> str:
        return self.text


class SingleRowPredictor:
    """Predicts one row at a time by LightGBM's single-row C API.

    It is six times as fast as `Booster.predict` and returns the same sums.
    """

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
        """Return the raw score of one row of shape (1, features)."""
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
    """Return trees fitted on encoded features (n, features), labels (n,) and optional weights (n,).

    The trees predict a `quantile` of the label, or the log-odds of a binary label if it is None.
    """
    import lightgbm

    data = lightgbm.Dataset(
        features, labels, weight=weights, categorical_feature=list(encoder.categories), free_raw_data=True
    )
    booster = lightgbm.train(parameters(candidate, seed, threads, quantile), data, num_boost_round=candidate.trees)
    return Trees(text=_without_threads(booster.model_to_string()))


def _without_threads(text: str) -> str:
    """Return the model text without its number of threads.

    The number depends on the machine, but the trees do not. Without it, machines of different sizes write equal bytes.
    """
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("[num_threads:"))


def parameters(
    candidate: GradientBoosting, seed: int, threads: int, quantile: float | None = None
) -> dict[str, object]:
    """Return LightGBM's parameters for the candidate; the objective is the pinball loss if `quantile` is given.

    >>> parameters(GradientBoosting(), seed=1, threads=2)["objective"]
    'binary'
    >>> quantile_parameters = parameters(GradientBoosting(), seed=1, threads=2, quantile=0.75)
    >>> quantile_parameters["objective"], quantile_parameters["alpha"]
    ('quantile', 0.75)
    """
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
