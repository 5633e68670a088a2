"""Paired gains of a challenger over a champion on the same labelled rows: in loss, and in centred loss.

The *centred loss* of a model is its loss after the scores of each night are moved by one constant, the best one for
that night: an intercept of the log-odds, or a shift of predicted numbers. It compares how well two models order and
separate the rows of a night, without the level that the night happened to have. That level is the same surprise for
both models, but moves the difference of their losses: on a year of real nights the nightly difference in centred loss
had a third of the standard deviation of the difference in loss, so that the same gain is shown with far fewer nights.

The best constant is fitted to the labels of the night itself, so that the centred loss needs many rows a night; below
`MIN_ROWS_PER_NIGHT` its own noise exceeds what it saves, and it is not computed. It does not see a level that is wrong;
that takes more nights than the order of rows does. With fewer than `MIN_NIGHTS_ALONE` nights it shows nothing alone.
"""

from dataclasses import dataclass

import numpy as np

from ml.arrays import Floats, Integers, Strings
from ml.statistics import intervals
from ml.statistics.intervals import Interval
from ml.targets import Target

MIN_ROWS_PER_NIGHT, MIN_NIGHTS_ALONE = 300, 10


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedGains:
    """The champion's loss minus the challenger's, per row, shape (n,): positive where the challenger is better.

    `centred_loss` is None with fewer than `MIN_ROWS_PER_NIGHT` rows in the median night. `nights` are ISO dates, (n,).
    """

    nights: Strings
    loss: Floats
    centred_loss: Floats | None


@dataclass(frozen=True, kw_only=True, slots=True)
class GainBounds:
    """A mean gain with its two-sided interval, and the upper bound of the one-sided test that it is below 0."""

    interval: Interval
    upper: float

    @property
    def is_shown_better(self) -> bool:
        """Whether the whole interval lies above 0."""
        return self.interval.low > 0

    @property
    def is_compatible_with_no_loss(self) -> bool:
        """Whether the mean is not shown to be below 0; False if it is not a number."""
        return self.upper >= 0


def measure(
    labels: Floats, champion: Floats, challenger: Floats, nights: Strings, target: Target, *, centred: bool = True
) -> PairedGains:
    """Return the gains of the scores `challenger` over the scores `champion`; all arrays have the shape (n,).

    Without `centred`, the centred loss is not computed; it takes most of the time.
    """
    _, night_index = np.unique(nights.astype(str), return_inverse=True)
    centred_gains = None
    if centred and len(labels) and float(np.median(np.bincount(night_index))) >= MIN_ROWS_PER_NIGHT:
        centred_gains = centred_loss(labels, champion, night_index, target) - centred_loss(
            labels, challenger, night_index, target
        )
    return PairedGains(
        nights=nights,
        loss=target.row_loss(labels, champion) - target.row_loss(labels, challenger),
        centred_loss=centred_gains,
    )


def to_days(nights: Strings) -> Strings:
    """Return the date of each night, shape (n,): hours of one day are correlated, and count as one observation.

    >>> to_days(np.array(["2013-02-01T05", "2013-02-01T06", "2013-02-02T05"], object)).tolist()
    ['2013-02-01', '2013-02-01', '2013-02-02']
    """
    return np.array([str(night)[:10] for night in nights], object)


def centred_loss(labels: Floats, scores: Floats, night_index: Integers, target: Target) -> Floats:
    """Return each row's loss after its night's scores are moved by the best constant for the night's labels, (n,).

    `night_index` has the night of each row, 0 and up.
    """
    offsets = target.offsets
    centred = offsets.center_groups(offsets.to_raw(scores), labels, night_index)
    return target.row_loss(labels, offsets.to_scores(centred))


def bounds(gains: Floats, nights: Strings, confidence: float, seed: int) -> GainBounds:
    """Return the mean of `gains`, shape (n,), with its bounds over nights.

    The interval is two-sided at `confidence`; the upper bound is one-sided at the same error as the interval as a
    whole: for 95 %, an interval of 97.5 % on each side, and an upper bound of 95 %.

    >>> rng = np.random.default_rng(1)
    >>> nights = np.repeat(np.array(["1", "2", "3", "4", "5"], object), 100)
    >>> found = bounds(rng.normal(0.2, 1.0, 500), nights, 0.95, seed=1)
    >>> found.interval.low < found.interval.value < found.upper < found.interval.high
    True
    """
    interval = intervals.mean_by_night(gains, nights, confidence, seed)
    one_sided = intervals.mean_by_night(gains, nights, 2 * confidence - 1, seed)
    return GainBounds(interval=interval, upper=one_sided.high)
