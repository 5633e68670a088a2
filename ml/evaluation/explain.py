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

    parts: Mapping[str, float]
    base: float
    raw: float
    slope: float
    offset: float
    score: float
    why_not: str = ""


def explain(model: Model, row: Mapping[str, object]) -> Explanation:
    """Return why `model` answers `row` as it does."""
    encoded = model.encoder.encode_row(row)
    raw = float(model.learner.raw(encoded)[0])
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
        raw=raw,
        slope=model.calibration.slope,
        offset=model.calibration.offset,
        score=model.predict_row(dict(row)),
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
