"""Evidence from the gains of one model over another, night by night, which may be read at any time.

The evidence is an e-value: the capital of a gambler who starts with 1 and bets that the mean gain is above 0
(`ml.statistics.sequential_tests.log_capital`). If the mean gain of each night, given the nights before, is at most 0,
the capital reaches x with a probability of at most 1 / x, however often it is read (Ville 1939). The gains are clipped
to a declared range, so that the statement is about the clipped gains.

Evidence from the loss and from the centred loss is averaged; a mean of e-values is one. Compare Choe & Ramdas,
"Comparing sequential forecasters" (arXiv 2110.00115).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol, TypeVar

import numpy as np

from ml.arrays import Floats, Integers
from ml.promotion.paired_gains import PairedGains
from ml.statistics import sequential_tests
from ml.usecase import Night
from ml.usecase.adoption import Adoption

K = TypeVar("K", contravariant=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class GainSeries:
    """The mean gain of each of m periods, oldest first, each of shape (m,): in loss and, if measured, in centred loss.

    A period is a night, or a block of `nights_per_value` nights.
    """

    loss: Floats
    centred_loss: Floats | None
    nights_per_value: int = 1


def by_night(gains: PairedGains) -> tuple[tuple[str, ...], GainSeries]:
    """Return the nights of `gains` in order, and the mean gain of each.

    >>> nights = np.array(["2013-02-02", "2013-02-01", "2013-02-02"], object)
    >>> gains = PairedGains(nights=nights, loss=np.array([0.5, 1.0, 1.5]), centred_loss=None)
    >>> names, series = by_night(gains)
    >>> names, series.loss.tolist()
    (('2013-02-01', '2013-02-02'), [1.0, 1.0])
    """
    distinct, index = np.unique(gains.nights.astype(str), return_inverse=True)
    return tuple(map(str, distinct)), GainSeries(
        loss=_means(gains.loss, index),
        centred_loss=None if gains.centred_loss is None else _means(gains.centred_loss, index),
    )


def block(series: GainSeries) -> GainSeries:
    """Return the series of one value: the mean of all nights of `series`."""
    return GainSeries(
        loss=series.loss.mean(keepdims=True),
        centred_loss=None if series.centred_loss is None else series.centred_loss.mean(keepdims=True),
        nights_per_value=len(series.loss),
    )


def join(blocks: Sequence[GainSeries], nights_per_value: int) -> GainSeries:
    """Return the values of all `blocks` as one series; centred losses count only if every block has them."""
    centred = [each.centred_loss for each in blocks if each.centred_loss is not None]
    return GainSeries(
        loss=np.concatenate([each.loss for each in blocks]) if blocks else np.zeros(0),
        centred_loss=np.concatenate(centred) if centred and len(centred) == len(blocks) else None,
        nights_per_value=nights_per_value,
    )


def blocks(first_refresh: date, night: date, schedule: Night) -> tuple[tuple[date, date], ...]:
    """Return first and last night of each block since the first refresh, as far as it counts as of `night`.

    A block counts when the block after it has ended: by then its labels have come, and labels that come later change
    nothing.

    >>> nightly = Night(hour=2, timezone="UTC")
    >>> [(str(first), str(last)) for first, last in blocks(date(2013, 2, 14), date(2013, 2, 28), nightly)]
    [('2013-02-15', '2013-02-21')]
    >>> blocks(date(2013, 2, 14), date(2013, 2, 27), nightly)
    ()
    """
    size, first = schedule.nights_per_block, schedule.previous(first_refresh, -1)
    ended = (schedule.count(first, night) + 1) // size
    return tuple(
        (schedule.previous(first, -offset), schedule.previous(first, -offset - size + 1))
        for offset in range(0, (ended - 1) * size, size)
    )


class Nightly(Protocol[K]):
    """Returns the nightly gains of the model `challenger` over `champion`, in the nights `first` to `last`.

    Labels count as they were known at the cutoff of the night `known`. None without matured nights. The centred loss is
    left out unless `centred`.
    """

    def __call__(
        self, champion: K, challenger: K, first: date, last: date, known: date, *, centred: bool = True
    ) -> GainSeries | None: ...


def block_series(
    anchor: K, refreshes: Sequence[tuple[date, K]], night: date, schedule: Night, nightly: Nightly[K]
) -> GainSeries:
    """Return the gains over the anchor by block as of `night`, each of the refresh that was newest when it began.

    `refreshes` are the models of the recipe with the nights of their trainings, oldest first.
    """
    counted = _counted_gains(anchor, refreshes, night, schedule, nightly)
    return join([block(each) for each in counted], schedule.nights_per_block)


def night_series(
    anchor: K, refreshes: Sequence[tuple[date, K]], night: date, schedule: Night, nightly: Nightly[K]
) -> GainSeries:
    """Return the same gains as `block_series`, but each night of a block is a value of its own.

    More values allow larger bets in relation to their noise, and so show the same gain sooner. The nights of a block
    are correlated, however.
    """
    return join(list(_counted_gains(anchor, refreshes, night, schedule, nightly)), nights_per_value=1)


def _counted_gains(
    anchor: K, refreshes: Sequence[tuple[date, K]], night: date, schedule: Night, nightly: Nightly[K]
) -> Iterator[GainSeries]:
    """Yield the nightly gains of each block that counts as of `night` and has labels."""
    for first, last in blocks(refreshes[0][0], night, schedule) if refreshes else ():
        newest = [model for trained, model in refreshes if trained < first][-1]
        known = schedule.previous(last, -schedule.nights_per_block)
        gains = nightly(anchor, newest, first, last, known)
        if gains is not None:
            yield gains


def e_values(series: GainSeries, declared: Adoption) -> Floats:
    """Return the evidence that the mean gain is above 0 after each value of `series`, shape (m,).

    >>> gains = np.full(8, 0.05)
    >>> grows = e_values(GainSeries(loss=gains, centred_loss=None), Adoption())
    >>> grows.round(1).tolist()
    [1.1, 1.2, 1.4, 1.6, 1.9, 2.3, 2.8, 3.5]
    >>> bool(e_values(GainSeries(loss=-gains, centred_loss=None), Adoption()).max() < 1)
    True
    """
    scale = 1 / np.sqrt(series.nights_per_value)
    capitals = [_capital(series.loss, declared.loss_range * scale)]
    if series.centred_loss is not None:
        capitals.append(_capital(series.centred_loss, declared.centred_range * scale))
    mean: Floats = np.mean(capitals, axis=0)
    return mean


def reached(series: GainSeries, declared: Adoption, level: float) -> int | None:
    """Return the number of values after which the evidence first reached `level`; None if it never did."""
    above = e_values(series, declared) >= level
    return int(above.argmax()) + 1 if above.any() else None


def _capital(gains: Floats, limit: float) -> Floats:
    values = (np.clip(gains, -limit, limit) / limit + 1) / 2
    return np.exp(sequential_tests.log_capital(values, null=0.5))


def _means(values: Floats, index: Integers) -> Floats:
    means: Floats = np.bincount(index, values) / np.bincount(index)
    return means
