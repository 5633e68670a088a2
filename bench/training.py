"""Training the flagship's trees on a whole year: from the frame of features to text, beside bare LightGBM on the matrix.

Both learn with the same parameters, seed and threads, and what they answer is equal to the last bit. The bare one is given
the encoded matrix; ours encodes the frame first. Beside it, what a candidate costs in all: three forward folds besides,
for calibration and for the choice among candidates.
"""

import time
from statistics import median
from typing import Any

import numpy as np

from bench import homes

USE_CASE, YEAR = "flights", "2013-01-01..2013-12-31"
BARS = {"ratio_to_bare": 1.2}
_ROUNDS, _SEED = 5, 2013


def run() -> dict[str, Any]:
    """Return medians over rounds, beside the bar."""
    with homes.temporary():
        return _measure()


def _measure() -> dict[str, Any]:
    from ml.training import fitting
    from ml.usecase import GradientBoosting

    case, settings = homes.taken(USE_CASE, YEAR)
    rows = homes.labelled(case, settings, YEAR)
    candidate = next(each for each in case.candidates if isinstance(each, GradientBoosting))

    def gathered() -> Any:
        return homes.gathered(case, rows, settings, _SEED)

    material, everything = gathered(), np.full(len(rows.labels), True)
    seconds: dict[str, list[float]] = {"bare": [], "ours": [], "candidate": []}
    for _ in range(_ROUNDS):
        bare = _timed(seconds["bare"], lambda: _bare(candidate, material, settings.threads))
        ours = _timed(seconds["ours"], lambda: gathered().fit_learner(candidate, everything))
        np.testing.assert_array_equal(
            bare.predict(material.features[:1000], raw_score=True), ours.raw(material.features[:1000])
        )
    _timed(seconds["candidate"], lambda: fitting.fit(candidate, gathered()))
    ratio = median(ours / bare for ours, bare in zip(seconds["ours"], seconds["bare"], strict=True))
    medians = {name: round(median(each), 3) for name, each in seconds.items()}
    print(f"training: {len(rows.labels)} rows, {ratio:.2f}x bare LightGBM; {medians}")
    return {"bars": BARS, "rows": len(rows.labels), "ratio_to_bare": round(ratio, 3), "seconds": medians}


def _bare(candidate: Any, material: Any, threads: int) -> Any:
    """Return LightGBM's own booster; the parameters are those that the candidate stands for."""
    import lightgbm

    from ml.training.learners import trees

    parameters = trees.parameters(candidate, _SEED, threads)
    data = lightgbm.Dataset(material.features, material.labels, categorical_feature=list(material.encoder.categories))
    return lightgbm.train(parameters, data, num_boost_round=candidate.trees)


def _timed(seconds: list[float], made: Any) -> Any:
    began = time.perf_counter()
    result = made()
    seconds.append(time.perf_counter() - began)
    return result
