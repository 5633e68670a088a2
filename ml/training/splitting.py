"""Splitting by night, never at random: the rows of one night are correlated, so nights are the sampling unit."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ml.arrays import Booleans, Strings
from ml.errors import RefusalError
from ml.usecase import Gates

_FOLDS = 3
_HOLDOUT_DIVISOR = 4  # at most a quarter: holding out more costs a young model more than the gate gains


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Masks over the rows: `train` is used for fitting; `holdout` has the latest nights, used only by the gate."""

    train: Booleans
    holdout: Booleans


def min_nights(gates: Gates) -> int:
    """Return the number of labelled nights that a first model needs: to be judged on, and to learn from.

    >>> min_nights(Gates(judged_nights=7))
    11
    """
    return gates.judged_nights + _FOLDS + 1


def count_holdout(distinct: Strings, gates: Gates, used_until: str = "") -> int:
    """Return the number of nights to hold out of the labelled nights `distinct`, ISO dates in order, shape (k,).

    It is `judged_nights`. If `Gates.max_judged_nights` is declared, it grows to a quarter of all nights, up to that
    maximum. All nights held out are after `used_until`, the last night that the champion was fitted or selected on. At
    most half of these are held out beyond `judged_nights`: a model that has seen nothing that is new to the champion
    cannot be shown to differ from it. Raises RefusalError when there are too few nights to judge on or to train on.

    >>> nights = np.array([f"2013-01-{day:02d}" for day in range(1, 31)], object)
    >>> gates = Gates(judged_nights=3, max_judged_nights=28)
    >>> count_holdout(nights, gates), count_holdout(nights, gates, used_until="2013-01-18")  # 7 of 30, 6 of 12 unused
    (7, 6)
    """
    minimum, unused = gates.judged_nights, distinct[distinct > used_until]
    if len(unused) < minimum:
        raise RefusalError(
            f"expected {minimum} matured nights after {used_until or 'the beginning'} to judge on, got {len(unused)}: "
            "wait until more labels have come"
        )
    if len(distinct) < min_nights(gates):
        raise RefusalError(
            f"expected labelled rows of {min_nights(gates)} nights or more ({minimum} to judge on, the rest "
            f"to learn from), got {len(distinct)}: wait for labels, or land more history"
        )
    available = len(unused) // 2 if used_until else len(unused)
    return max(minimum, min(gates.judged_nights_limit, available, len(distinct) // _HOLDOUT_DIVISOR))


def split(nights: Strings, gates: Gates, used_until: str = "") -> Split:
    """Return the latest nights as holdout and all earlier nights as training rows; `nights` is ISO dates, shape (n,).

    The holdout has the number of nights that `count_holdout` returns, and raises what it raises.

    >>> nights = np.array([f"2013-01-{day:02d}" for day in range(1, 21)], object)
    >>> gates = Gates(judged_nights=3, max_judged_nights=28)
    >>> nights[split(nights, gates).holdout].tolist()[0]  # 5 of 20 nights
    '2013-01-16'
    >>> nights[split(nights, gates, used_until="2013-01-17").holdout].tolist()  # only 3 are unused
    ['2013-01-18', '2013-01-19', '2013-01-20']
    """
    distinct = np.unique(nights)
    return hold_out(nights, count_holdout(distinct, gates, used_until))


def hold_out(nights: Strings, count: int) -> Split:
    """Return the latest `count` nights as holdout, and all earlier nights as training rows; with 0, no holdout.

    >>> parts = hold_out(np.array(["1", "1", "2", "3"], object), 1)
    >>> parts.train.tolist(), parts.holdout.tolist()
    ([True, True, True, False], [False, False, False, True])
    """
    holdout: Booleans = nights >= np.unique(nights)[-count] if count else np.full(len(nights), False)
    return Split(train=~holdout, holdout=holdout)


def folds(nights: Strings) -> Iterator[tuple[Booleans, Booleans]]:
    """Yield (training, validation) masks of three walk-forward folds; `nights` is ISO dates, shape (n,).

    The nights are divided into four blocks. Each fold validates on one block and trains on all blocks before it.

    >>> nights = np.array([f"2013-01-0{day}" for day in range(1, 9)], object)
    >>> [(int(train.sum()), nights[validation].tolist()) for train, validation in folds(nights)][:2]
    [(2, ['2013-01-03', '2013-01-04']), (4, ['2013-01-05', '2013-01-06'])]
    """
    blocks = np.array_split(np.unique(nights), _FOLDS + 1)
    for block in blocks[1:]:
        yield nights < block[0], (nights >= block[0]) & (nights <= block[-1])


def validated(nights: Strings) -> Booleans:
    """Return a mask of the rows that a fold validates on, shape (n,): all but those of the first block.

    >>> nights = np.array([f"2013-01-0{day}" for day in range(1, 9)], object)
    >>> nights[validated(nights)].tolist()[0]
    '2013-01-03'
    """
    masks: Booleans = np.any([validation for _, validation in folds(nights)], axis=0)
    return masks
