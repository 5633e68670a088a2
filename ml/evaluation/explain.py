"""Why a model answered what it answered: each feature's part of the raw answer, then its calibration.

Trees tell their own parts (SHAP values by Lundberg's TreeSHAP, LightGBM's `pred_contrib`), a linear form its terms.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.arrays import Floats
from ml.errors import RefusalError
from ml.training.fitting import Model
from ml.training.learners import Linear, Trees


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """One answer: `base` and the `parts` (by feature) sum to the learner's `raw` one; `why_not` where it has no parts.

    `score` is what calibration makes of it, by `slope` and `offset`.
    """

    contributions: Mapping[str, float]
    base_value: float
    raw: float
    slope: float
    offset: float
    score: float
    unavailable_reason: str = ""


def explain(model: Model, row: Mapping[str, object]) -> Explanation:
    """Return why `model` answers `row` as it does."""
    encoded = model.encoder.encode_row(row)
    raw = float(model.learner.raw(encoded)[0])
    contributions, base_value, unavailable_reason = {}, 0.0, ""
    try:
        by_column, base_value = _contributions(model, encoded)
        contributions = {
            name: float(by_column[columns.start : columns.stop].sum())
            for name, columns in model.encoder.columns.items()
        }
    except RefusalError as refusal:
        unavailable_reason = str(refusal)
    return Explanation(
        contributions=contributions,
        base_value=base_value,
        raw=raw,
        slope=model.calibration.slope,
        offset=model.calibration.offset,
        score=model.predict_row(dict(row)),
        unavailable_reason=unavailable_reason,
    )


def _contributions(model: Model, encoded: Floats) -> tuple[Floats, float]:
    """Return the part of each encoded column, and what is left without any."""
    match model.learner:
        case Trees():
            *contributions, base_value = model.learner.contributions(encoded)[0].tolist()
            return np.array(contributions), float(base_value)
        case Linear():
            return model.learner.terms(encoded)[0], model.learner.intercept
        case _:
            raise RefusalError(
                f"a {model.learner.kind} has no parts that sum to its answer: its hidden layers mix all features"
            )
