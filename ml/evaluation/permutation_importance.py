"""What each declared feature is worth: by how much more is lost on later nights when its values are dealt anew."""

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
    """A declaration, all of its columns, and what is lost (the target's loss) when they are dealt anew together.

    `within` deals them among the rows of each night: what they say of one row beside another. `across` deals them among
    all rows of a fold, so that what they say of the night is lost too.
    """

    feature: str
    columns: tuple[str, ...]
    within_nights: Interval
    across_nights: Interval

    @property
    def is_useful(self) -> bool:
        """Return whether a benefit is shown: either interval lies above 0."""
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
    """Return what each of `features` is worth to the recipe, most first, on rows that no learner asked had learned from.

    `frame`, `labels` and `nights` are those of `training.fit`; each fold is answered by its own learner. The columns of a
    declaration are permuted together (Breiman 2001, sec. 10). Intervals are over nights, their confidence such that both
    of a feature hold together (Bonferroni). For each feature at most 10,000 rows are answered twice, a sample where there
    are more; fewer are dealt up to 5 times.
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
    """Return the number of each row's fold."""
    numbers: Integers = np.array([fold.validation[rows] for fold in fitted.folds]).argmax(axis=0)
    return numbers


def _permute(groups: Integers, rng: np.random.Generator) -> Integers:
    """Return the place from which each row takes its values: one of its own group, each taken once."""
    permutation = np.empty(len(groups), np.int64)
    permutation[np.argsort(groups, kind="stable")] = np.lexsort((rng.random(len(groups)), groups))
    return permutation


def _permute_columns(encoded: Floats, columns: list[int], permutation: Integers) -> Floats:
    permuted = encoded.copy()
    permuted[:, columns] = encoded[permutation][:, columns]
    return permuted


def _row_losses(fitted: FittedCandidate, rows: Integers, encoded: Floats, labels: Floats, target: Target) -> Floats:
    """Return each row's loss, as the learner of its fold answers."""
    raw = np.empty(len(rows))
    for fold in fitted.folds:
        in_fold = fold.validation[rows]
        raw[in_fold] = fold.learner.raw(encoded[in_fold])
    return target.row_loss(labels, fitted.model.calibration.apply(raw))
