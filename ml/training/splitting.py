"""Dividing rows by night, never at random: the rows of a night share its luck, so nights are the sample."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ml.arrays import Booleans, Strings
from ml.errors import RefusalError
from ml.usecase import Gates

_FOLDS = 3
_HOLDOUT_DIVISOR = 4  # one night of so many: to hold more back would cost a young model more than the gate gains


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Masks over the rows: `fitted` are learned from, `judged` are the latest nights, kept from everything else."""

    train: Booleans
    holdout: Booleans


def split(nights: Strings, gates: Gates, used_until: str = "") -> Split:
    """Return the rows of the latest nights, to be judged on, apart from all before; `nights` is ISO dates, shape (n,).

    There are `judged_nights` of them, and as more come, a quarter of all, up to `most_judged_nights`. `used_until` is the last
    night that the champion was fitted or selected on: judged nights come after it.
    Raises RefusalError when too few nights are left to judge on, or to learn from.
    """
    distinct, minimum = np.unique(nights), gates.judged_nights
    unused = distinct[distinct > used_until]
    if len(unused) < minimum:
        raise RefusalError(
            f"expected {minimum} matured nights after {used_until or 'the beginning'} to judge on, got {len(unused)}: "
            "wait until more labels have come"
        )
    if len(distinct) < minimum + _FOLDS + 1:
        raise RefusalError(
            f"expected labelled rows of {minimum + _FOLDS + 1} nights or more ({minimum} to judge on, the rest "
            f"to learn from), got {len(distinct)}: wait for labels, or land more history"
        )
    count = max(minimum, min(gates.judged_nights_limit, len(unused), len(distinct) // _HOLDOUT_DIVISOR))
    holdout = nights >= distinct[-count]
    return Split(train=~holdout, holdout=holdout)


def folds(nights: Strings) -> Iterator[tuple[Booleans, Booleans]]:
    """Yield (learned from, predicted) masks that walk forward in time: each block is predicted from those before it."""
    blocks = np.array_split(np.unique(nights), _FOLDS + 1)
    for block in blocks[1:]:
        yield nights < block[0], (nights >= block[0]) & (nights <= block[-1])
