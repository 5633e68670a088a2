"""What a single feature tells of the label by itself, learned on every other night and asked on those between."""

import numpy as np
import pandas as pd

from ml.arrays import Booleans, Floats, Integers
from ml.metrics import probability
from ml.metrics import quantile as quantile_metrics
from ml.statistics import quantiles

_BINS, _LEAST_ROWS = 32, 30


def rank(column: pd.Series, labels: Floats, night: Integers) -> float | None:
    """Return the ROC AUC of `column` for labels of 0 and 1, either way up; None where that cannot be told.

    A category ranks by how often its levels had the label; `night` numbers the rows' nights, shape (n,).
    """
    values = column.to_numpy(np.float64) if _is_number(column) else _rates(column, labels, night)
    known = ~np.isnan(values)
    found = probability.auc(labels[known], values[known]) if known.any() else None
    return None if found is None else max(found, 1 - found)


def skill(column: pd.Series, labels: Floats, night: Integers, quantile: float) -> float | None:
    """Return the share of the best constant's pinball loss that `column` spares; None where that cannot be told.

    A number answers by the quantiles of the label in 32 bins of it, and by lines between; a category by its levels.
    """
    learned, known = night % 2 == 0, column.notna().to_numpy()
    here, there = learned & known, ~learned & known
    if min(here.sum(), there.sum()) < _LEAST_ROWS:
        return None
    told = _by_line if _is_number(column) else _by_level
    return spared(
        labels[there], told(column, labels, here, there, quantile), quantiles.of(labels[here], quantile), quantile
    )


def spared(labels: Floats, answers: Floats, constant: float, quantile: float) -> float | None:
    """Return the share of the constant's pinball loss that `answers` spare; None where it has none to lose."""
    always = quantile_metrics.pinball(labels, np.full(len(labels), constant), quantile)
    return 1 - quantile_metrics.pinball(labels, answers, quantile) / always if always else None


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column.dtype))


def _rates(column: pd.Series, labels: Floats, night: Integers) -> Floats:
    """Return, on every other night, how often each level had the label on the nights between; missing on those."""
    learned = night % 2 == 0
    text = column.astype(object)
    rates = pd.Series(labels[learned]).groupby(text[learned].to_numpy()).mean()
    return np.where(learned, np.nan, text.map(rates).to_numpy(np.float64))


def _by_line(column: pd.Series, labels: Floats, here: Booleans, there: Booleans, quantile: float) -> Floats:
    values = column.to_numpy(np.float64)
    order = np.flatnonzero(here)[np.argsort(values[here], kind="stable")]
    bins = np.array_split(order, min(_BINS, len(order)))
    middles = [float(np.median(values[rows])) for rows in bins]
    told = [quantiles.of(labels[rows], quantile) for rows in bins]
    return np.asarray(np.interp(values[there], middles, told), np.float64)


def _by_level(column: pd.Series, labels: Floats, here: Booleans, there: Booleans, quantile: float) -> Floats:
    text = column.astype(object).to_numpy()
    rows = pd.Series(labels[here]).groupby(text[here]).indices
    told = {level: quantiles.of(labels[here][places], quantile) for level, places in rows.items()}
    usual = quantiles.of(labels[here], quantile)
    return np.array([told.get(level, usual) for level in text[there]], np.float64)
