"""The leak alarm: skill that cannot be is a fault of the data. Training stops and the sentence names the feature.

Three probes on the labelled rows, none of which needs a model:
* a level, or a missing value, that settles the label on its own, night after night;
* one feature that ranks the label better than any honest one could;
* a feature that follows what a table said at the row's own time of event, which nobody knew at the cutoff.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from ml import metrics
from ml.arrays import Booleans, Floats, Strings
from ml.errors import LeakError
from ml.evaluation import Quality
from ml.usecase import Gates

_SETTLED_SHARE, _SETTLED_ROWS, _SETTLED_NIGHTS = 0.97, 30, 5
_SAME, _NOVEL_ROWS = 0.95, 200
_MOST_LEVELS = 50


def check_features(
    frame: pd.DataFrame, labels: Floats, nights: Strings, future: Mapping[str, pd.Series], gates: Gates
) -> None:
    """Raise LeakError when a column of `frame` knows too much about `labels`.

    `future` holds, for each looked-up column, what the table said at each row's time of event where that became known
    only after the cutoff (missing elsewhere); same index as `frame`.
    """
    for name in frame.columns:
        column = frame[name]
        _check_settled(name, column, labels, nights)
        if pd.api.types.is_numeric_dtype(column.dtype):
            _check_alone(name, column.to_numpy(np.float64), labels, gates)
            for source, later in future.items():
                _check_future(name, column, source, later, frame)


def check_quality(quality: Quality, gates: Gates) -> None:
    """Raise LeakError when a model is better than the stated ceiling, over nights enough to tell."""
    if quality.nights >= gates.leak_auc_nights and quality.auc is not None and quality.auc > gates.leak_auc:
        raise LeakError(
            f"expected a ROC AUC of at most {gates.leak_auc} on what is known at the cutoff, got {quality.auc:.4f} over "
            f"{quality.nights} nights: that is not skill; look for a feature that is made after the cutoff"
        )


def _check_settled(name: str, column: pd.Series, labels: Floats, nights: Strings) -> None:
    for level, mask in _levels(column):
        if mask.sum() < _SETTLED_ROWS or len(np.unique(nights[mask])) < _SETTLED_NIGHTS or mask.all():
            continue
        rate = float(labels[mask].mean())
        others = float(labels[~mask].mean())
        if max(rate, 1 - rate) >= _SETTLED_SHARE and abs(rate - others) > 0.25:
            raise LeakError(
                f"the feature {name!r} gives the label away: where it is {level}, {rate:.1%} of {int(mask.sum())} rows have "
                f"the label, elsewhere {others:.1%}; it is written when the outcome is known, so exclude it"
            )


def _levels(column: pd.Series) -> Iterator[tuple[str, Booleans]]:
    yield "missing", column.isna().to_numpy()
    values = column.dropna().unique()
    if len(values) <= _MOST_LEVELS:
        for value in values:
            yield repr(value), (column == value).to_numpy(bool)


def _check_alone(name: str, values: Floats, labels: Floats, gates: Gates) -> None:
    known = ~np.isnan(values)
    rank = metrics.auc(labels[known], values[known]) if known.any() else None
    if rank is not None and max(rank, 1 - rank) > gates.leak_auc:
        raise LeakError(
            f"the feature {name!r} alone ranks the label with a ROC AUC of {max(rank, 1 - rank):.4f}, more than the "
            f"{gates.leak_auc} that a whole model may reach: look at where it comes from, then exclude it"
        )


def _check_future(name: str, column: pd.Series, source: str, later: pd.Series, frame: pd.DataFrame) -> None:
    """Refuse a column that agrees with what came later far better than with what was known."""
    known = frame[source] if source in frame else pd.Series(np.nan, frame.index)
    novel = later.notna() & column.notna() & (later != known)
    if name == source or novel.sum() < _NOVEL_ROWS or column[novel].nunique() < 2 or later[novel].nunique() < 2:
        return
    innovation = (later - known.fillna(later.mean()))[novel]
    follows = abs(float(np.corrcoef(column[novel], later[novel])[0, 1]))
    held = known[novel].fillna(later.mean())
    honest = abs(float(np.corrcoef(column[novel], held)[0, 1])) if held.nunique() > 1 else 0.0
    if follows >= _SAME and follows > honest and innovation.abs().sum() > 0:
        raise LeakError(
            f"the feature {name!r} follows {source!r} as it was at the time of the event (correlation {follows:.3f}), which "
            "becomes known only after the cutoff: look it up as of the cutoff instead"
        )
