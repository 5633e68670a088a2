"""The predictive power of a single feature, fitted on every other night and measured on the nights between."""

from typing import TYPE_CHECKING

import numpy as np

from ml.arrays import Booleans, Floats, Integers
from ml.metrics import probability
from ml.metrics import quantile as quantile_metrics
from ml.statistics import quantiles

if TYPE_CHECKING:
    import pandas as pd

_BINS, _MIN_ROWS = 32, 30


def univariate_auc(column: "pd.Series", labels: Floats, night_index: Integers) -> float | None:
    """Return the ROC AUC of `column`, shape (n,), or 1 - AUC if that is larger; None if it cannot be computed.

    A number ranks the rows itself, on all nights. A category ranks them by the label rate of its levels.
    `night_index` numbers the nights of the rows, shape (n,).

    >>> import pandas as pd
    >>> labels, nights = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0, 0, 1, 1])
    >>> univariate_auc(pd.Series([9.0, 1.0, 8.0, 2.0]), labels, nights)  # low values mean a positive
    1.0
    >>> univariate_auc(pd.Series(["calm", "storm", "calm", "calm"]), labels, nights)
    0.5
    """
    values = column.to_numpy(np.float64) if _is_number(column) else _level_rates(column, labels, night_index)
    present = ~np.isnan(values)
    auc = probability.auc(labels[present], values[present]) if present.any() else None
    return None if auc is None else max(auc, 1 - auc)


def univariate_skill(column: "pd.Series", labels: Floats, night_index: Integers, quantile: float) -> float | None:
    """Return the share of the best constant's pinball loss that `column` saves; None if it cannot be computed.

    A number predicts by the label's quantiles in 32 bins of equal count, interpolated linearly. A category predicts by
    the label's quantile of its level. The result is None with fewer than 30 rows for fitting or for measuring.
    """
    is_training, present = night_index % 2 == 0, column.notna().to_numpy()
    training_rows, test_rows = is_training & present, ~is_training & present
    if min(training_rows.sum(), test_rows.sum()) < _MIN_ROWS:
        return None
    predict = _predict_by_bins if _is_number(column) else _predict_by_level
    return relative_skill(
        labels[test_rows],
        predict(column, labels, training_rows, test_rows, quantile),
        quantiles.weighted_quantile(labels[training_rows], quantile),
        quantile,
    )


def relative_skill(labels: Floats, predictions: Floats, constant: float, quantile: float) -> float | None:
    """Return the share of the pinball loss of `constant` that `predictions` save; None if that loss is 0.

    >>> labels = np.array([10.0, 20.0])
    >>> relative_skill(labels, predictions=np.array([12.5, 17.5]), constant=15.0, quantile=0.5)
    0.5
    >>> relative_skill(labels, predictions=labels, constant=15.0, quantile=0.5)
    1.0
    """
    constant_loss = quantile_metrics.pinball(labels, np.full(len(labels), constant), quantile)
    return 1 - quantile_metrics.pinball(labels, predictions, quantile) / constant_loss if constant_loss else None


def _is_number(column: "pd.Series") -> bool:
    import pandas as pd

    return bool(pd.api.types.is_numeric_dtype(column.dtype))


def _level_rates(column: "pd.Series", labels: Floats, night_index: Integers) -> Floats:
    """Return the label rate of each row's level on the training nights, shape (n,); NaN on the training nights."""
    import pandas as pd

    is_training = night_index % 2 == 0
    text = column.astype(object)
    rates = pd.Series(labels[is_training]).groupby(text[is_training].to_numpy()).mean()
    return np.where(is_training, np.nan, text.map(rates).to_numpy(np.float64))


def _predict_by_bins(
    column: "pd.Series", labels: Floats, training_rows: Booleans, test_rows: Booleans, quantile: float
) -> Floats:
    values = column.to_numpy(np.float64)
    order = np.flatnonzero(training_rows)[np.argsort(values[training_rows], kind="stable")]
    bins = np.array_split(order, min(_BINS, len(order)))
    middles = [float(np.median(values[rows])) for rows in bins]
    bin_quantiles = [quantiles.weighted_quantile(labels[rows], quantile) for rows in bins]
    return np.asarray(np.interp(values[test_rows], middles, bin_quantiles), np.float64)


def _predict_by_level(
    column: "pd.Series", labels: Floats, training_rows: Booleans, test_rows: Booleans, quantile: float
) -> Floats:
    import pandas as pd

    text = column.astype(object).to_numpy()
    rows = pd.Series(labels[training_rows]).groupby(text[training_rows]).indices
    level_quantiles = {
        level: quantiles.weighted_quantile(labels[training_rows][indices], quantile) for level, indices in rows.items()
    }
    overall_quantile = quantiles.weighted_quantile(labels[training_rows], quantile)
    return np.array([level_quantiles.get(level, overall_quantile) for level in text[test_rows]], np.float64)
