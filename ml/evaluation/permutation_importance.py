"""What each declared feature is worth: by how much more is lost on later nights when its values are dealt anew."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import Floats, Integers, Strings
from ml.statistics import intervals
from ml.statistics.intervals import Interval
from ml.targets import Target
from ml.training.fitting import Fitted
from ml.usecase import Feature
from ml.usecase.features import title

_ROWS, _MOST_DEALS = 10_000, 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Worth:
    """A declaration, all of its columns, and what is lost (the target's loss) when they are dealt anew together.

    `within` deals them among the rows of each night: what they say of one row beside another. `across` deals them among
    all rows of a fold, so that what they say of the night is lost too.
    """

    feature: str
    columns: tuple[str, ...]
    within: Interval
    across: Interval

    @property
    def pays(self) -> bool:
        """Return whether a benefit is shown: either interval lies above 0."""
        return max(self.within.low, self.across.low) > 0


def measure(
    fitted: Fitted,
    frame: pd.DataFrame,
    labels: Floats,
    nights: Strings,
    features: Iterable[Feature],
    *,
    target: Target,
    confidence: float,
    seed: int,
) -> tuple[Worth, ...]:
    """Return what each of `features` is worth to the recipe, most first, on rows that no learner asked had learned from.

    `frame`, `labels` and `nights` are those of `training.fit`; each fold is answered by its own learner. The columns of a
    declaration are permuted together (Breiman 2001, sec. 10). Intervals are over nights, their confidence such that both
    of a feature hold together (Bonferroni). For each feature at most 10,000 rows are answered twice, a sample where there
    are more; fewer are dealt up to 5 times.
    """
    chance = np.random.default_rng(seed)
    rows = _sample(np.flatnonzero(fitted.ahead).astype(np.int64), chance)
    encoder, night = fitted.model.encoder, nights[rows]
    encoded, truth = encoder.encode(frame.iloc[rows]), labels[rows]
    times = min(_MOST_DEALS, max(1, _ROWS // len(rows)))
    within, across = (
        [_deal(groups, chance) for _ in range(times)]
        for groups in (np.unique(night, return_inverse=True)[1], _folds(fitted, rows))
    )
    usual = _lost(fitted, rows, encoded, truth, target)

    def benefit(columns: list[int], deals: list[Integers]) -> Interval:
        rises = [_lost(fitted, rows, _dealt(encoded, columns, deal), truth, target) - usual for deal in deals]
        return intervals.mean_by_night(np.mean(rises, axis=0), night, (1 + confidence) / 2, seed)

    found = []
    for feature in features:
        columns = [place for name in feature.outputs for place in encoder.columns[name]]
        found.append(
            Worth(
                feature=title(feature),
                columns=feature.outputs,
                within=benefit(columns, within),
                across=benefit(columns, across),
            )
        )
    return tuple(sorted(found, key=lambda each: -max(each.within.value, each.across.value)))


def _sample(rows: Integers, chance: np.random.Generator) -> Integers:
    return rows if len(rows) <= _ROWS else np.sort(chance.choice(rows, _ROWS, replace=False))


def _folds(fitted: Fitted, rows: Integers) -> Integers:
    """Return the number of each row's fold."""
    folds: Integers = np.array([fold.ahead[rows] for fold in fitted.folds]).argmax(axis=0)
    return folds


def _deal(groups: Integers, chance: np.random.Generator) -> Integers:
    """Return the place from which each row takes its values: one of its own group, each taken once."""
    deal = np.empty(len(groups), np.int64)
    deal[np.argsort(groups, kind="stable")] = np.lexsort((chance.random(len(groups)), groups))
    return deal


def _dealt(encoded: Floats, columns: list[int], deal: Integers) -> Floats:
    changed = encoded.copy()
    changed[:, columns] = encoded[deal][:, columns]
    return changed


def _lost(fitted: Fitted, rows: Integers, encoded: Floats, labels: Floats, target: Target) -> Floats:
    """Return each row's loss, as the learner of its fold answers."""
    raw = np.empty(len(rows))
    for fold in fitted.folds:
        of_fold = fold.ahead[rows]
        raw[of_fold] = fold.learner.raw(encoded[of_fold])
    return target.row_loss(labels, fitted.model.calibration.apply(raw))
