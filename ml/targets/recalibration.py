"""Recalibration: a line through the champion's scores, fitted to the labels that matured since, between trainings.

The layer is `slope x score + offset`, on log-odds for a binary target and on predicted numbers for regression. It is
fitted on recent matured nights only, shrunk towards the identity, and used only if a layer that was fitted the same way
on earlier nights would have lowered the loss of later ones. It changes the level of the scores, never their order.
"""

from dataclasses import dataclass

import numpy as np

from ml.arrays import Floats, Strings
from ml.targets.target import Target
from ml.usecase.declaration import check

MIN_SLOPE = 0.5  # a line that is flatter is moved towards the identity, so that the order of scores stays
_MIN_NIGHTS = 4  # two to fit on, and two to judge


@dataclass(frozen=True, kw_only=True, slots=True)
class Recalibration:
    """How a layer is fitted: every `every_nights` nights, on the last `window_nights` matured nights.

    The prior is worth `prior_nights` nights on which the scores are perfectly calibrated: with as many matured nights,
    the layer is about half of what the labels ask for. With fewer than `min_rows` labelled rows it is the identity.
    Without `gated`, a layer is used though it did not lower the loss of later nights.
    """

    every_nights: int = 7
    window_nights: int = 28
    prior_nights: float = 28.0
    min_rows: int = 500
    gated: bool = True

    def __post_init__(self) -> None:
        check(self.every_nights >= 1, f"a layer is fitted every 1 night or more, got every_nights={self.every_nights}")
        check(
            self.window_nights >= _MIN_NIGHTS,
            f"a layer is fitted and judged on {_MIN_NIGHTS} nights or more, got window_nights={self.window_nights}",
        )
        check(self.prior_nights > 0, f"the prior of a layer is worth more than 0 nights, got {self.prior_nights}")
        check(self.min_rows >= 1, f"a layer needs 1 row or more, got min_rows={self.min_rows}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """A line through raw scores: log-odds, or predicted numbers. The default is the identity."""

    slope: float = 1.0
    offset: float = 0.0

    @property
    def is_identity(self) -> bool:
        """Whether the layer changes nothing."""
        return self.slope == 1.0 and self.offset == 0.0

    def apply(self, scores: Floats, target: Target) -> Floats:
        """Return `scores`, shape (n,), after the layer; the identity returns them bit for bit.

        >>> from ml.targets import binary
        >>> from ml.usecase import Cost
        >>> target = binary.Target(cost=Cost(act=1.0, miss=3.0, averted=1.0), prior=0.5)
        >>> Layer(offset=float(np.log(3))).apply(np.array([0.25, 0.5]), target).round(4).tolist()
        [0.5, 0.75]
        """
        if self.is_identity:
            return scores
        return target.uncorrected_scores(self.slope * target.offsets.to_raw(scores) + self.offset)


@dataclass(frozen=True, kw_only=True, slots=True)
class FittedLayer:
    """The layer to use, and why: `gain` is what an earlier layer saved a row on the nights after it, None if unknown.

    `nights` is the number of matured nights that the layer was fitted on.
    """

    layer: Layer
    reason: str
    nights: int
    gain: float | None = None


def fit(labels: Floats, scores: Floats, nights: Strings, target: Target, declared: Recalibration) -> FittedLayer:
    """Return the layer for `scores`, as the model gave them, given the matured `labels` of `nights`, each (n,).

    Rows without a label or a score are left out, and only the last `window_nights` nights count.

    >>> from ml.targets import binary
    >>> from ml.usecase import Cost
    >>> target = binary.Target(cost=Cost(act=1.0, miss=3.0, averted=1.0), prior=0.5)
    >>> nights = np.repeat([f"2013-01-{day:02d}" for day in range(1, 29)], 100).astype(object)
    >>> labels = np.tile(np.repeat([1.0, 0.0], [60, 40]), 28)  # .6 of each night, where the model expects .5
    >>> fitted = fit(labels, np.full(2800, 0.5), nights, target, Recalibration(prior_nights=28))
    >>> fitted.layer.apply(np.array([0.5]), target).round(3).tolist()  # as many nights as the prior: half of the way
    [0.55]
    """
    known = np.isfinite(labels) & np.isfinite(scores)
    labels, scores, nights = labels[known], scores[known], nights[known].astype(str)
    distinct = np.unique(nights)[-declared.window_nights :]
    if len(distinct) < _MIN_NIGHTS:
        return _identity(f"{len(distinct)} matured nights, fewer than {_MIN_NIGHTS}", len(distinct))
    recent = nights >= distinct[0]
    labels, scores, night_index = labels[recent], scores[recent], np.searchsorted(distinct, nights[recent])
    if len(labels) < declared.min_rows:
        return _identity(f"{len(labels)} labelled rows, fewer than {declared.min_rows}", len(distinct))
    if len(np.unique(labels)) < 2:
        return _identity(f"all labels are {labels[0]:g}", len(distinct))
    gain = _chained_gain(labels, scores, night_index, target, declared) if declared.gated else None
    if gain is not None and not gain > 0:
        return _identity("an earlier layer did not lower the loss of the nights after it", len(distinct), gain)
    layer = _fit_line(labels, scores, night_index, target, declared.prior_nights)
    return FittedLayer(layer=layer, reason="fitted", nights=len(distinct), gain=gain)


def _identity(reason: str, nights: int, gain: float | None = None) -> FittedLayer:
    return FittedLayer(layer=Layer(), reason=f"identity: {reason}", nights=nights, gain=gain)


def _chained_gain(
    labels: Floats, scores: Floats, night_index: np.ndarray, target: Target, declared: Recalibration
) -> float:
    """Return the mean over nights of what layers fitted on the nights before saved a row, for the later half."""
    count = int(night_index.max()) + 1
    gains: list[float] = []
    for first in range(count // 2, count, declared.every_nights):
        before = night_index < first
        after = (night_index >= first) & (night_index < first + declared.every_nights)
        layer = _fit_line(labels[before], scores[before], night_index[before], target, declared.prior_nights)
        reduction = target.row_loss(labels[after], scores[after]) - target.row_loss(
            labels[after], layer.apply(scores[after], target)
        )
        index = night_index[after] - first
        gains.extend(np.bincount(index, reduction) / np.bincount(index))
    return float(np.mean(gains))


def _fit_line(labels: Floats, scores: Floats, night_index: np.ndarray, target: Target, prior_nights: float) -> Layer:
    """Return the shrunk line; every night has the same weight."""
    rows_per_night = np.bincount(night_index)
    count = int((rows_per_night > 0).sum())
    slope, offset = target.offsets.fit_line(
        target.offsets.to_raw(scores),
        labels,
        weights=1 / rows_per_night[night_index],
        prior_share=prior_nights / (count + prior_nights),
    )
    if not np.isfinite([slope, offset]).all():
        return Layer()
    step = (1 - MIN_SLOPE) / (1 - slope) if slope < MIN_SLOPE else 1.0
    return Layer(slope=1 + step * (slope - 1), offset=step * offset)
