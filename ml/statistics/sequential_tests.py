"""Evidence that may be looked at after every observation: what a gambler owns who bets that a mean is above a bound.

While the mean, given all that went before, is at most `null`, no bet gains on average, so that the capital ever reaches
1 / alpha with probability alpha at most (Ville 1939), whenever one looks and however often.
"""

import math

import numpy as np
from scipy import special

from ml.arrays import Floats

_STAKES = np.geomspace(0.01, 0.9, 16)
"""Which shares of the capital are at risk in each bet: large ones find large faults soon, small ones find small faults."""
_EFFECT_SIZES, _INTEGRATION_STEPS, _MAX_LOG_CAPITAL = np.array([0.5, 1.0, 2.0]), np.linspace(-30, 4, 401), 700.0


def log_capital(values: Floats, null: float) -> Floats:
    """Return the log of the capital after each of `values` (n,), each in [0, 1], betting that their mean is above `null`.

    Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting" (2023).
    The capital is the average of one gambler for each stake, each of whom began with 1 and bets the same share for ever:
    what the values so far come to does not depend on how often one looks, nor on the values to come.
    """
    return np.asarray(special.logsumexp(_log_capitals(values, null), axis=0) - math.log(len(_STAKES)))


def rejected_after(values: Floats, null: float, alpha: float) -> int | None:
    """Return how many of `values` it takes to show that their mean is above `null`; None where they do not show it."""
    log_capitals, log_threshold = _log_capitals(values, null), -math.log(alpha)
    if log_capitals.max(initial=-math.inf) < log_threshold:
        return None  # nobody has that much, so that the average has not: nearly always, and far quicker to see
    reached = np.exp(np.minimum(log_capitals, _MAX_LOG_CAPITAL)).mean(axis=0) >= 1 / alpha
    return int(reached.argmax()) + 1 if reached.any() else None


def difference_rejected_after(values: Floats, null: float, alpha: float) -> int | None:
    """Return `shown_after` of differences, each in [-1, 1]."""
    return rejected_after((1 + values) / 2, (1 + null) / 2, alpha)


def log_likelihood_ratio(values: Floats, null: float) -> Floats:
    """Return the log of the sequential t-test's ratio after each of `values` (n,), few and about normal, of unknown spread.

    The mean is above `null` by some standard deviations (the average of a few such alternatives) against not at all; what
    the spread is cancels, under the prior 1 / sigma (Lai 1976; Perez-Ortiz, Lardy, de Heide & Grunwald 2024). The
    integral over the spread is taken by the trapezoidal rule, in logarithms, around its peak.
    """
    number = np.arange(1.0, len(values) + 1)
    excess = values - null
    norm = np.sqrt(np.cumsum(excess**2))
    drift = _EFFECT_SIZES[:, None] * np.divide(np.cumsum(excess), norm, out=np.zeros(len(values)), where=norm > 0)
    peak = (drift + np.sqrt(drift**2 + 4 * number)) / 2
    steps = _INTEGRATION_STEPS / np.sqrt(number)[:, None]
    log_scale = np.log(peak)[..., None] + steps
    log_integrand = number[:, None] * log_scale - np.exp(2 * log_scale) / 2 + drift[..., None] * np.exp(log_scale)
    integral = special.logsumexp(log_integrand, axis=-1) + np.log(steps[:, 1] - steps[:, 0])
    log_null = (number / 2 - 1) * math.log(2) + special.gammaln(number / 2)
    ratios = integral - number * _EFFECT_SIZES[:, None] ** 2 / 2 - log_null
    return np.asarray(special.logsumexp(ratios, axis=0) - math.log(len(_EFFECT_SIZES)))


def t_test_rejected_after(values: Floats, null: float, alpha: float) -> int | None:
    """Return how many of `values` it takes to show that their mean is above `null` by `log_likelihood_ratio`, or None."""
    reached = log_likelihood_ratio(values, null) >= -math.log(alpha)
    return int(reached.argmax()) + 1 if reached.any() else None


def _log_capitals(values: Floats, null: float) -> Floats:
    """Return the log of what each gambler owns after each of the values, shape (stakes, n)."""
    return np.cumsum(np.log1p(np.outer(_STAKES / null, values - null)), axis=1)
