"""The leak alarm: skill that cannot be is a fault of the data. Training stops and the sentence names the feature.

Three probes on the labelled rows, none of which needs a model:
* a level, or a missing value, that settles the label on its own, night after night;
* one feature that tells the label better than any honest one could;
* a feature that follows what a table said at the row's own time of event, which nobody knew at the cutoff.
"""

from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd

from ml.arrays import Booleans, Floats, Integers, Strings
from ml.errors import LeakError
from ml.governance import privacy
from ml.targets import Quality, Target
from ml.usecase import Gates, Settled

_SETTLED_SHARE, _SETTLED_APART, _LEAST_ROWS, _LEAST_NIGHTS = 0.97, 0.25, 30, 5
_MOST_LEVELS = 50
_FOLLOWS, _BINS, _NOISE = 0.5, 32, 1e-9


def check_features(
    frame: pd.DataFrame,
    labels: Floats,
    nights: Strings,
    future: pd.DataFrame,
    gates: Gates,
    *,
    target: Target,
    settled: tuple[Settled, ...] = (),
    hidden: Collection[str] = (),
) -> None:
    """Raise LeakError when a column of `frame` knows too much about `labels`.

    `future` holds, for each looked-up column, what the table said at each row's time of event where that became known
    only after the cutoff (missing elsewhere); same order as `frame`. `settled` names the levels that may settle the
    label, because they do so by definition; no level of a column in `hidden` is told.
    """
    allowed = {(each.by, level) for each in settled for level in each.levels}
    night = pd.factorize(nights, sort=True)[0].astype(np.int64)
    for name in frame.columns:
        _check_settled(name, frame[name], labels, night, allowed, hidden, target)
        _check_alone(name, frame[name], labels, night, gates, target)
    _check_future(frame, night, future)


def check_quality(quality: Quality, gates: Gates) -> None:
    """Raise LeakError when a model is better than the stated ceiling, over nights enough to tell."""
    name, reached, most, nights = quality.ceiling(gates)
    if quality.nights >= nights and reached is not None and reached > most:
        raise LeakError(
            f"expected a {name} of at most {most} on what is known at the cutoff, got {reached:.4f} over "
            f"{quality.nights} nights: that is not skill; look for a feature that is made after the cutoff"
        )


def _check_settled(
    name: str,
    column: pd.Series,
    labels: Floats,
    night: Integers,
    allowed: set[tuple[str, str]],
    hidden: Collection[str],
    target: Target,
) -> None:
    for level, mask in _levels(column):
        if (name, level) in allowed or mask.sum() < _LEAST_ROWS or mask.all() or not _lasts(night[mask]):
            continue
        value = _commonest(labels[mask])
        share, others = float((labels[mask] == value).mean()), float((labels[~mask] == value).mean())
        if share >= _SETTLED_SHARE and share - others > _SETTLED_APART:
            raise LeakError(
                f"the feature {name!r} gives the label away: where it is {privacy.shown(name, level, hidden)}, "
                f"{target.settled(value, share, others, int(mask.sum()))}; it is written when the outcome is known, so "
                "exclude it; or, where that holds by definition, declare it (Settled)"
            )


def _commonest(labels: Floats) -> float:
    values, counts = np.unique(labels, return_counts=True)
    return float(values[np.argmax(counts)])


def _levels(column: pd.Series) -> Iterator[tuple[str, Booleans]]:
    yield "missing", column.isna().to_numpy()
    values = column.dropna().unique()
    if len(values) <= _MOST_LEVELS:
        for value in values:
            yield f"{value:g}" if _is_number(column) else str(value), (column == value).to_numpy(bool)


def _check_alone(name: str, column: pd.Series, labels: Floats, night: Integers, gates: Gates, target: Target) -> None:
    told, most = target.alone(column, labels, night), target.most_alone(gates)
    if told is not None and told > most:
        raise LeakError(
            f"the feature {name!r} alone {target.words.alone} of {told:.4f}, more than the {most} that a whole model may "
            "reach: look at where it comes from, then exclude it"
        )


def _lasts(night: Integers) -> bool:
    return bool(np.count_nonzero(np.bincount(night)) >= _LEAST_NIGHTS)


def _check_future(frame: pd.DataFrame, night: Integers, future: pd.DataFrame) -> None:
    """Refuse a column that what came later explains, among rows that knew the same at their cutoff."""
    strata, numbers = _strata(frame, night, future), list(_numbers(frame))
    found = [
        (share, name, source)
        for source in future.columns
        for name, share in _explained(numbers, future[source].to_numpy(np.float64), strata, night)
        if name != source
    ]
    share, name, source = max(found, default=(0.0, "", ""))
    if share >= _FOLLOWS:
        raise LeakError(
            f"the feature {name!r} follows {source!r} as it was at the time of the event ({share:.0%} explained by it), "
            "which becomes known only after the cutoff: look it up as of the cutoff instead"
        )


def _explained(
    numbers: list[tuple[str, Floats]], later: Floats, strata: Integers, night: Integers
) -> Iterator[tuple[str, float]]:
    """Yield how much of what varies within strata the later value explains, for each column: 1 - RSS / WSS.

    Rows of one night with the same looked-up values are a stratum: an honest lookup is constant there, and nothing
    honest follows what came later there, except by the hour. WSS are the squares within strata, RSS those left by a
    line in each of 32 bins of the later value.
    """
    seen = ~np.isnan(later)
    later, strata, night, bins = later[seen], strata[seen], night[seen], _binned(later[seen])
    for name, column in numbers:
        values = column[seen]
        inside = values - _means(values, strata)
        varies = np.abs(inside) > _NOISE * max(1.0, float(np.abs(values).max(initial=0.0)))
        if varies.sum() >= _LEAST_ROWS and _lasts(night[varies]):
            yield name, 1 - _left(values, later, bins) / float((inside**2).sum())


def _strata(frame: pd.DataFrame, night: Integers, future: pd.DataFrame) -> Integers:
    codes = night
    for name in future.columns.intersection(frame.columns):
        level, levels = pd.factorize(frame[name], use_na_sentinel=False)
        codes = pd.factorize(codes * len(levels) + level)[0].astype(np.int64)
    return codes


def _numbers(frame: pd.DataFrame) -> Iterator[tuple[str, Floats]]:
    """Yield each column as numbers without gaps: its values, where it is missing, and each level of a category."""
    for name in frame.columns:
        column = frame[name]
        if _is_number(column):
            values = column.to_numpy(np.float64)
            yield name, np.where(np.isnan(values), np.nanmean(values) if column.notna().any() else 0.0, values)
        if column.isna().any() or not _is_number(column):
            for _, mask in _levels(column):
                yield name, mask.astype(np.float64)


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column.dtype))


def _binned(values: Floats) -> Integers:
    edges = np.unique(values)
    if len(edges) > _BINS:
        edges = np.unique(np.quantile(values, np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.searchsorted(edges, values, side="right").astype(np.int64)


def _means(values: Floats, groups: Integers) -> Floats:
    means: Floats = np.bincount(groups, values) / np.maximum(np.bincount(groups), 1)
    return means[groups]


def _left(values: Floats, later: Floats, bins: Integers) -> float:
    """Return the sum of squares that is left of `values` after a line through `later` in each bin."""
    moved, along = values - _means(values, bins), later - _means(later, bins)
    both, own = np.bincount(bins, moved * along), np.bincount(bins, along**2)
    slopes = np.divide(both, own, out=np.zeros(len(own)), where=own > 1e-12)
    return float(((moved - slopes[bins] * along) ** 2).sum())
