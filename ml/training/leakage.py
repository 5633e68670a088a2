"""Leak detection. Training stops with an error that names the feature.

Three checks on the labelled rows, none of which needs a model:
* a category level, or a missing value, that determines the label by itself, on many nights;
* a single feature whose skill exceeds the limit for a whole model;
* a feature that follows the state of a table at the time of the event, which was not known at the cutoff.
"""

from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd

from ml.arrays import Booleans, Floats, Integers, Strings
from ml.errors import LeakError
from ml.governance import privacy
from ml.targets import Quality, Target
from ml.usecase import DeterministicLevels, Gates

_DETERMINISTIC_SHARE, _DETERMINISTIC_MARGIN, _MIN_ROWS, _MIN_NIGHTS = 0.97, 0.25, 30, 5
_MAX_LEVELS = 50
_MAX_EXPLAINED_SHARE, _BINS, _NOISE = 0.5, 32, 1e-9


def check_features(
    frame: pd.DataFrame,
    labels: Floats,
    nights: Strings,
    future: pd.DataFrame,
    gates: Gates,
    *,
    target: Target,
    deterministic_levels: tuple[DeterministicLevels, ...] = (),
    hidden: Collection[str] = (),
) -> None:
    """Raise LeakError when a column of `frame` reveals the label.

    `frame` has one row for each label; `labels` and `nights` (ISO dates) have shape (n,). `future` has the same rows as
    `frame` and one column for each looked-up column: its value at the time of the event where that value became known
    only after the cutoff, and missing elsewhere. `deterministic_levels` lists levels that determine the label by
    definition; they are allowed. The error message masks the levels of columns in `hidden`.
    """
    allowed = {(each.feature, level) for each in deterministic_levels for level in each.levels}
    night_index = pd.factorize(nights, sort=True)[0].astype(np.int64)
    for name in frame.columns:
        _check_deterministic_levels(name, frame[name], labels, night_index, allowed, hidden, target)
        _check_univariate_skill(name, frame[name], labels, night_index, gates, target)
    _check_future(frame, night_index, future)


def check_quality(quality: Quality, gates: Gates) -> None:
    """Raise LeakError when a model's quality exceeds the gates' leak limit.

    The limit is a ROC AUC or a skill (`Quality.leak_limit`). It applies only to a quality measured on enough nights.
    """
    name, value, maximum, min_nights = quality.leak_limit(gates)
    if quality.nights >= min_nights and value is not None and value > maximum:
        raise LeakError(
            f"expected a {name} of at most {maximum} on what is known at the cutoff, got {value:.4f} over "
            f"{quality.nights} nights: this indicates a leak; look for a feature that is written after the cutoff"
        )


def _check_deterministic_levels(
    name: str,
    column: pd.Series,
    labels: Floats,
    night_index: Integers,
    allowed: set[tuple[str, str]],
    hidden: Collection[str],
    target: Target,
) -> None:
    for level, mask in _levels(column):
        if (
            (name, level) in allowed
            or mask.sum() < _MIN_ROWS
            or mask.all()
            or not _spans_enough_nights(night_index[mask])
        ):
            continue
        value = _most_common(labels[mask])
        share, share_elsewhere = float((labels[mask] == value).mean()), float((labels[~mask] == value).mean())
        if share >= _DETERMINISTIC_SHARE and share - share_elsewhere > _DETERMINISTIC_MARGIN:
            rows = target.describe_deterministic_level(value, share, share_elsewhere, int(mask.sum()))
            raise LeakError(
                f"the feature {name!r} gives the label away: where it is {privacy.mask_value(name, level, hidden)}, "
                f"{rows}; it is probably written after the outcome is known, so exclude it; if the level determines "
                "the label by definition, declare it (DeterministicLevels)"
            )


def _most_common(labels: Floats) -> float:
    values, counts = np.unique(labels, return_counts=True)
    return float(values[np.argmax(counts)])


def _levels(column: pd.Series) -> Iterator[tuple[str, Booleans]]:
    yield "missing", column.isna().to_numpy()
    values = column.dropna().unique()
    if len(values) <= _MAX_LEVELS:
        for value in values:
            yield f"{value:g}" if _is_number(column) else str(value), (column == value).to_numpy(bool)


def _check_univariate_skill(
    name: str, column: pd.Series, labels: Floats, night_index: Integers, gates: Gates, target: Target
) -> None:
    skill, maximum = target.single_feature_skill(column, labels, night_index), target.max_single_feature_skill(gates)
    if skill is not None and skill > maximum:
        raise LeakError(
            f"the feature {name!r} alone {target.display_names.single_feature} of {skill:.4f}, more than the {maximum} "
            "that a whole model may reach: find out where its values come from, then exclude it"
        )


def _spans_enough_nights(night_index: Integers) -> bool:
    return bool(np.count_nonzero(np.bincount(night_index)) >= _MIN_NIGHTS)


def _check_future(frame: pd.DataFrame, night_index: Integers, future: pd.DataFrame) -> None:
    """Raise LeakError if later values explain a column among rows that had the same looked-up values at the cutoff."""
    strata, numeric_columns = _strata(frame, night_index, future), list(_numeric_columns(frame))
    explained = [
        (share, name, source)
        for source in future.columns
        for name, share in _explained_shares(numeric_columns, future[source].to_numpy(np.float64), strata, night_index)
        if name != source
    ]
    share, name, source = max(explained, default=(0.0, "", ""))
    if share >= _MAX_EXPLAINED_SHARE:
        raise LeakError(
            f"the feature {name!r} follows {source!r} as it was at the time of the event ({share:.0%} explained by "
            "it), which becomes known only after the cutoff: look it up as of the cutoff instead"
        )


def _explained_shares(
    numeric_columns: list[tuple[str, Floats]], later: Floats, strata: Integers, night_index: Integers
) -> Iterator[tuple[str, float]]:
    """Yield (column, share): how much of the column's variation within strata the later value explains, 1 - RSS / WSS.

    A stratum is the rows of one night with the same looked-up values. A point-in-time lookup is constant within a
    stratum, so a feature without a leak cannot follow the later value there, except through the hour of the day. WSS
    is the column's sum of squares within strata. RSS is its residual sum of squares after a linear fit on the later
    value in each of 32 bins of that value. Columns that vary on too few rows or nights are skipped.
    """
    is_known = ~np.isnan(later)
    later, strata, night_index, bins = (
        later[is_known],
        strata[is_known],
        night_index[is_known],
        _binned(later[is_known]),
    )
    for name, column in numeric_columns:
        values = column[is_known]
        within_strata = values - _group_means(values, strata)
        varies = np.abs(within_strata) > _NOISE * max(1.0, float(np.abs(values).max(initial=0.0)))
        if varies.sum() >= _MIN_ROWS and _spans_enough_nights(night_index[varies]):
            yield name, 1 - _residual_sum_of_squares(values, later, bins) / float((within_strata**2).sum())


def _strata(frame: pd.DataFrame, night_index: Integers, future: pd.DataFrame) -> Integers:
    codes = night_index
    for name in future.columns.intersection(frame.columns):
        level, levels = pd.factorize(frame[name], use_na_sentinel=False)
        codes = pd.factorize(codes * len(levels) + level)[0].astype(np.int64)
    return codes


def _numeric_columns(frame: pd.DataFrame) -> Iterator[tuple[str, Floats]]:
    """Yield (column, values) without missing values: numbers filled with the mean, and indicators.

    Indicators (0 or 1) mark missing values and, for a category, each level.
    """
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


def _group_means(values: Floats, groups: Integers) -> Floats:
    means: Floats = np.bincount(groups, values) / np.maximum(np.bincount(groups), 1)
    return means[groups]


def _residual_sum_of_squares(values: Floats, later: Floats, bins: Integers) -> float:
    """Return the residual sum of squares of `values` after a linear fit on `later` in each bin."""
    centred_values, centred_later = values - _group_means(values, bins), later - _group_means(later, bins)
    cross_products, squares = np.bincount(bins, centred_values * centred_later), np.bincount(bins, centred_later**2)
    slopes = np.divide(cross_products, squares, out=np.zeros(len(squares)), where=squares > 1e-12)
    return float(((centred_values - slopes[bins] * centred_later) ** 2).sum())
