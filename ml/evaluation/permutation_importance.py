"""Feature importance: grouped permutation importance of each declared feature, measured on later nights."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import Floats, Integers, Strings
from ml.statistics import intervals
from ml.statistics.intervals import Interval
from ml.targets import Target
from ml.training.fitting import FittedCandidate
from ml.usecase import Feature
from ml.usecase.features import title

_MAX_ROWS, _MAX_REPEATS = 10_000, 5


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureImportance:
    """The importance of a declared feature: the rise of the target's loss when its columns are permuted together.

    `within_nights` permutes them among the rows of each night: it measures how well they distinguish the rows of a
    night. `across_nights` permutes them among all rows of a fold, which also removes their information about the night.
    """

    feature: str
    columns: tuple[str, ...]
    within_nights: Interval
    across_nights: Interval

    @property
    def is_useful(self) -> bool:
        """Return whether a benefit is shown: at least one of the two intervals lies above 0.

        >>> shown, unclear = Interval(value=0.03, low=0.01, high=0.05), Interval(value=0.01, low=-0.01, high=0.03)
        >>> importance = FeatureImportance(
        ...     feature="zone", columns=("zone",), within_nights=unclear, across_nights=shown
        ... )
        >>> importance.is_useful
        True
        """
        return max(self.within_nights.low, self.across_nights.low) > 0


def measure(
    fitted: FittedCandidate,
    frame: pd.DataFrame,
    labels: Floats,
    nights: Strings,
    features: Iterable[Feature],
    *,
    target: Target,
    confidence: float,
    seed: int,
) -> tuple[FeatureImportance, ...]:
    """Return the out-of-fold permutation importance of each of `features`, the largest first.

    `frame`, `labels` and `nights` are those that `fitted` was fitted on; each row is scored by the learner of its fold.
    The columns of a declared feature are permuted together (Breiman 2001, sec. 10). Intervals are over nights; the two
    intervals of a feature hold simultaneously at `confidence` (Bonferroni). At most 10,000 rows are used, a random
    sample if there are more. With fewer rows, the permutation is repeated up to 5 times and the losses are averaged.
    """
    rng = np.random.default_rng(seed)
    rows = _sample(np.flatnonzero(fitted.out_of_fold).astype(np.int64), rng)
    encoder, night = fitted.model.encoder, nights[rows]
    encoded, row_labels = encoder.encode(frame.iloc[rows]), labels[rows]
    repeats = min(_MAX_REPEATS, max(1, _MAX_ROWS // len(rows)))
    night_permutations, fold_permutations = (
        [_permute(groups, rng) for _ in range(repeats)]
        for groups in (np.unique(night, return_inverse=True)[1], _fold_numbers(fitted, rows))
    )
    baseline_losses = _row_losses(fitted, rows, encoded, row_labels, target)

    def importance(columns: list[int], permutations: list[Integers]) -> Interval:
        loss_rises = [
            _row_losses(fitted, rows, _permute_columns(encoded, columns, permutation), row_labels, target)
            - baseline_losses
            for permutation in permutations
        ]
        return intervals.mean_by_night(np.mean(loss_rises, axis=0), night, (1 + confidence) / 2, seed)

    importances = []
    for feature in features:
        columns = [index for name in feature.outputs for index in encoder.columns[name]]
        importances.append(
            FeatureImportance(
                feature=title(feature),
                columns=feature.outputs,
                within_nights=importance(columns, night_permutations),
                across_nights=importance(columns, fold_permutations),
            )
        )
    return tuple(sorted(importances, key=lambda each: -max(each.within_nights.value, each.across_nights.value)))


def _sample(rows: Integers, rng: np.random.Generator) -> Integers:
    return rows if len(rows) <= _MAX_ROWS else np.sort(rng.choice(rows, _MAX_ROWS, replace=False))


def _fold_numbers(fitted: FittedCandidate, rows: Integers) -> Integers:
    """Return the index of each row's fold."""
    numbers: Integers = np.array([fold.validation[rows] for fold in fitted.folds]).argmax(axis=0)
    return numbers


def _permute(groups: Integers, rng: np.random.Generator) -> Integers:
    """Return a random permutation of the row indices that maps each row to a row of its own group."""
    permutation = np.empty(len(groups), np.int64)
    permutation[np.argsort(groups, kind="stable")] = np.lexsort((rng.random(len(groups)), groups))
    return permutation


def _permute_columns(encoded: Floats, columns: list[int], permutation: Integers) -> Floats:
    permuted = encoded.copy()
    permuted[:, columns] = encoded[permutation][:, columns]
    return permuted


def _row_losses(fitted: FittedCandidate, rows: Integers, encoded: Floats, labels: Floats, target: Target) -> Floats:
    """Return each row's loss when it is scored by the learner of its fold."""
    raw = np.empty(len(rows))
    for fold in fitted.folds:
        in_fold = fold.validation[rows]
        raw[in_fold] = fold.learner.raw(encoded[in_fold])
    return target.row_loss(labels, fitted.model.calibration.apply(raw))
