"""The guard of an adopted model: it is rolled back if it is shown worse, and stopped if the harm exceeds its budget."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from ml.arrays import Floats
from ml.promotion.adoption import evidence
from ml.promotion.adoption.evidence import GainSeries, K, Nightly
from ml.usecase.adoption import Adoption


def rolled_back_after(predecessor_gains: GainSeries, declared: Adoption) -> int | None:
    """Return the number of nights after which an adopted model is shown worse than its predecessor, or None.

    `predecessor_gains` are the nightly gains of the predecessor over the adopted model, since its adoption.

    >>> rolled_back_after(GainSeries(loss=np.full(20, 0.1), centred_loss=None), Adoption())
    9
    >>> rolled_back_after(GainSeries(loss=np.full(20, -0.1), centred_loss=None), Adoption()) is None
    True
    """
    return evidence.reached(predecessor_gains, declared, declared.rollback)


def gains_of_proven(proven: K, unproven: Sequence[tuple[K, date, date]], known: date, nightly: Nightly[K]) -> Floats:
    """Return the nightly gains in loss of the last proven model over the unproven ones that answered after it, (m,).

    `unproven` has each of these models with the first and the last night on which it answered, in order. Labels count
    as they were known at the cutoff of the night `known`.
    """
    series = (nightly(model, proven, first, last, known, centred=False) for model, first, last in unproven)
    return np.concatenate([np.zeros(0), *(each.loss for each in series if each is not None)])


def harm(proven_gains: Floats) -> float:
    """Return the loss of the unproven models beyond that of the last proven one, summed over nights.

    `proven_gains`, shape (m,), are the nightly gains in loss of the last model that the gate showed better (or of the
    anchor) over the unproven models that answered after it; unproven models that are better have a negative harm.

    >>> round(harm(np.array([0.1, -0.02])), 2)
    0.08
    """
    return float(np.sum(proven_gains))


def exhausted_after(proven_gains: Floats, declared: Adoption) -> int | None:
    """Return the number of nights after which the harm first exceeded the budget, or None.

    >>> exhausted_after(np.array([0.2, 0.05, 0.2, -0.4]), Adoption(harm_budget=0.3))
    3
    """
    exceeded = np.cumsum(proven_gains) > declared.harm_budget
    return int(exceeded.argmax()) + 1 if exceeded.any() else None
