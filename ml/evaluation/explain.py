"""Explanation of one score: the contribution of each feature to the raw score, then the calibration.

For trees, contributions are SHAP values (Lundberg's TreeSHAP, by LightGBM's `predict(pred_contrib=True)`). For linear
models, they are the terms of the sum.
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
    """The explanation of one score.

    `base_value` and the `contributions` (by feature) sum to the learner's `raw` score; calibration with `slope` and
    `offset` turns it into `score`. If the learner has no contributions, `unavailable_reason` says why.
    """

    contributions: Mapping[str, float]
    base_value: float
    raw: float
    slope: float
    offset: float
    score: float
    unavailable_reason: str = ""


def explain(model: Model, row: Mapping[str, object]) -> Explanation:
    """Return the explanation of the score of `row`, a mapping of feature to value."""
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
    """Return the contribution of each encoded column, and the base value; raises RefusalError for a network."""
    match model.learner:
        case Trees():
            *contributions, base_value = model.learner.contributions(encoded)[0].tolist()
            return np.array(contributions), float(base_value)
        case Linear():
            return model.learner.terms(encoded)[0], model.learner.intercept
        case _:
            raise RefusalError(
                f"a {model.learner.kind} has no contributions that sum to its score: its hidden layers mix all features"
            )
