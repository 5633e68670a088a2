"""Training the flagship's trees on a year, from the frame of features to the model's text, compared with bare LightGBM.

Both use the same parameters, seed and threads, and their predictions are equal to the last bit. Bare LightGBM gets the
encoded matrix; Ratchet also encodes the frame. The benchmark also measures the full cost of a candidate, with the three
forward folds for calibration and for the choice among candidates.
"""

import time
from statistics import median
from typing import Any

import numpy as np

from bench import workspace

USE_CASE, YEAR = "flights", "2013-01-01..2013-12-31"
BARS = {"ratio_to_bare": 1.2}
_ROUNDS, _SEED = 5, 2013


def run() -> dict[str, Any]:
    """Return medians over rounds, and the bar."""
    with workspace.temporary():
        return _measure()


def _measure() -> dict[str, Any]:
    from ml.training import fitting
    from ml.usecase import GradientBoosting

    case, settings = workspace.ingest(USE_CASE, YEAR)
    rows = workspace.training_rows(case, settings, YEAR)
    candidate = next(each for each in case.candidates if isinstance(each, GradientBoosting))

    def prepare() -> Any:
        return workspace.training_material(case, rows, settings, _SEED)

    material, all_rows = prepare(), np.full(len(rows.labels), True)
    seconds: dict[str, list[float]] = {"bare": [], "ours": [], "candidate": []}
    for _ in range(_ROUNDS):
        bare = _timed(seconds["bare"], lambda: _bare(candidate, material, settings.threads))
        ours = _timed(seconds["ours"], lambda: prepare().fit_learner(candidate, all_rows))
        np.testing.assert_array_equal(
            bare.predict(material.features[:1000], raw_score=True), ours.raw(material.features[:1000])
        )
    _timed(seconds["candidate"], lambda: fitting.fit(candidate, prepare()))
    ratio = median(ours / bare for ours, bare in zip(seconds["ours"], seconds["bare"], strict=True))
    medians = {name: round(median(each), 3) for name, each in seconds.items()}
    print(f"training: {len(rows.labels)} rows, {ratio:.2f}x bare LightGBM; {medians}")
    return {"bars": BARS, "rows": len(rows.labels), "ratio_to_bare": round(ratio, 3), "seconds": medians}


def _bare(candidate: Any, material: Any, threads: int) -> Any:
    """Return a booster that LightGBM trained with the candidate's parameters."""
    import lightgbm

    from ml.training.learners import trees

    parameters = trees.parameters(candidate, _SEED, threads)
    data = lightgbm.Dataset(material.features, material.labels, categorical_feature=list(material.encoder.categories))
    return lightgbm.train(parameters, data, num_boost_round=candidate.trees)


def _timed(seconds: list[float], function: Any) -> Any:
    started = time.perf_counter()
    result = function()
    seconds.append(time.perf_counter() - started)
    return result
