"""Why a model answered what it answered: each feature's part of the log-odds, then calibration, threshold, decision.

Trees tell their own parts (SHAP values by Lundberg's TreeSHAP, LightGBM's `pred_contrib`), a linear form its terms.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.arrays import Floats
from ml.errors import RefusalError
from ml.learners import Linear, Trees
from ml.training import Model


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """One answer: `base` and the `parts` (by feature) sum to the learner's `log_odds`; `why_not` where it has no parts.

    `score` is what calibration makes of the log-odds; a decision to act is `score` above `threshold`.
    """

    parts: Mapping[str, float]
    base: float
    log_odds: float
    slope: float
    offset: float
    score: float
    threshold: float
    why_not: str = ""

    @property
    def acts(self) -> bool:
        return self.score > self.threshold


def explain(model: Model, row: Mapping[str, object], threshold: float) -> Explanation:
    """Return why `model` answers `row` as it does; `threshold` is the use case's, from its costs."""
    encoded = model.encoder.encode_row(row)
    log_odds = float(model.learner.log_odds(encoded)[0])
    parts, base, why_not = {}, 0.0, ""
    try:
        by_column, base = _parts(model, encoded)
        parts = {
            name: float(by_column[columns.start : columns.stop].sum())
            for name, columns in model.encoder.columns.items()
        }
    except RefusalError as refusal:
        why_not = str(refusal)
    return Explanation(
        parts=parts,
        base=base,
        log_odds=log_odds,
        slope=model.calibration.slope,
        offset=model.calibration.offset,
        score=model.predict_row(dict(row)),
        threshold=threshold,
        why_not=why_not,
    )


def _parts(model: Model, encoded: Floats) -> tuple[Floats, float]:
    """Return the part of each encoded column, and what is left without any."""
    match model.learner:
        case Trees():
            *parts, base = model.learner.contributions(encoded)[0].tolist()
            return np.array(parts), float(base)
        case Linear():
            return model.learner.terms(encoded)[0], model.learner.intercept
        case _:
            raise RefusalError(
                f"a {model.learner.kind} has no parts that sum to its answer: its hidden layers mix all features"
            )
