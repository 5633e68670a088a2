"""Explanation of scores: the contribution of each feature to the raw score, then the calibration.

For trees, contributions are SHAP values (Lundberg's TreeSHAP, by LightGBM's `predict(pred_contrib=True)`). For linear
models, they are the terms of the sum. A network has none: its score is not a sum over features.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.arrays import Floats, Integers
from ml.errors import RefusalError
from ml.training.fitting import Model
from ml.training.learners import Linear, Trees

DEFAULT_SIZE = 5  # features of an explanation, where nobody says how many


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Contributions:
    """The contributions of the features `names` to the scores of n rows: `by_feature` has the shape (n, features).

    In each row, `base_values` and the contributions sum to `raw`; both have the shape (n,).
    """

    names: tuple[str, ...]
    by_feature: Floats
    base_values: Floats
    raw: Floats

    def largest(self, size: int) -> Integers:
        """Return the indices of the `size` largest contributions of each row, in absolute value, largest first.

        The shape is (n, size), or (n, features) if there are fewer features. Of equal ones, the earlier feature comes
        first.

        >>> rows = Contributions(
        ...     names=("hour", "zone", "fare"),
        ...     by_feature=np.array([[0.5, -2.0, 0.5]]),
        ...     base_values=np.array([0.25]),
        ...     raw=np.array([-0.75]),
        ... )
        >>> rows.largest(2).tolist()
        [[1, 0]]
        """
        order: Integers = np.argsort(-np.abs(self.by_feature), axis=1, kind="stable")[:, :size]
        return order

    def rest(self, chosen: Integers) -> Floats:
        """Return the sum of all contributions except the `chosen` ones, whose indices have the shape (n, size)."""
        others = self.by_feature.copy()
        np.put_along_axis(others, chosen, 0.0, axis=1)
        return np.asarray(others.sum(axis=1), np.float64)


def explain(model: Model, row: Mapping[str, object]) -> Explanation:
    """Return the explanation of the score of `row`, a mapping of feature to value."""
    encoded = model.encoder.encode_row(row)
    raw = float(model.learner.raw(encoded)[0])
    contributions, base_value, unavailable_reason = {}, 0.0, ""
    try:
        explained = contribute(model, encoded)
        contributions = dict(zip(explained.names, explained.by_feature[0].tolist(), strict=True))
        base_value = float(explained.base_values[0])
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


def unavailable_reason(model: Model) -> str:
    """Return why the scores of `model` have no contributions; an empty text if they have."""
    if isinstance(model.learner, Trees | Linear):
        return ""
    return f"a {model.learner.kind} has no contributions that sum to its score: its hidden layers mix all features"


def contribute(model: Model, encoded: Floats, threads: int = 1) -> Contributions:
    """Return the contributions of each feature to the raw scores of encoded rows, shape (n, columns).

    A feature that fills several columns, such as a text, has the sum of theirs. The trees of many rows are evaluated by
    `threads` threads; the result does not depend on their number. Raises RefusalError for a network.
    """
    match model.learner:
        case Trees():
            with_base = model.learner.contributions(encoded, threads)
            by_column, base_values = with_base[:, :-1], with_base[:, -1]
        case Linear():
            by_column = model.learner.terms(encoded)
            base_values = np.full(len(encoded), model.learner.intercept)
        case _:
            raise RefusalError(unavailable_reason(model))
    columns = model.encoder.columns
    starts = [each.start for each in columns.values()]
    return Contributions(
        names=tuple(columns),
        by_feature=np.asarray(np.add.reduceat(by_column, starts, axis=1), np.float64),
        base_values=base_values,
        raw=model.learner.raw(encoded),
    )
