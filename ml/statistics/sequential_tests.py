"""Sequential tests (tests by betting), which may be evaluated after every observation.

A gambler bets that a mean is above `null`. As long as each value's expectation, given the values before it, is at most
`null`, no bet gains on average. The probability that the capital ever reaches 1 / alpha is then at most alpha (Ville
1939), no matter how often the test is evaluated.
"""

import math

import numpy as np
from scipy import special

from ml.arrays import Floats

_STAKES = np.geomspace(0.01, 0.9, 16)
"""The share of the capital that each gambler bets; large stakes detect large effects early, small ones small ones."""
_EFFECT_SIZES, _INTEGRATION_STEPS, _MAX_LOG_CAPITAL = np.array([0.5, 1.0, 2.0]), np.linspace(-30, 4, 401), 700.0


def log_capital(values: Floats, null: float) -> Floats:
    """Return the log capital after each of `values`, shape (n,) and in [0, 1], from bets that the mean is above `null`.

    Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting" (2023). The capital is the average
    over gamblers with fixed stakes; each starts with 1. It depends neither on how often it is read nor on later values.

    >>> log_capital(np.array([0.1, 0.1, 0.1]), null=0.1).tolist()  # values at the bound neither win nor lose
    [0.0, 0.0, 0.0]
    >>> log_capital(np.array([1.0, 1.0, 0.0]), null=0.5).round(2).tolist()
    [0.19, 0.43, 0.03]
    """
    return np.asarray(special.logsumexp(_log_capitals(values, null), axis=0) - math.log(len(_STAKES)))


def rejected_after(values: Floats, null: float, alpha: float) -> int | None:
    """Return the number of `values` after which the mean is shown to be above `null` at level `alpha`, or None.

    >>> rejected_after(np.ones(100), null=0.5, alpha=0.05)
    9
    >>> rejected_after(np.tile([0.0, 1.0], 50), null=0.5, alpha=0.05) is None
    True
    """
    log_capitals, log_threshold = _log_capitals(values, null), -math.log(alpha)
    if log_capitals.max(initial=-math.inf) < log_threshold:
        return None  # if no gambler reaches 1 / alpha, the average does not either: the usual case, and much faster
    reached = np.exp(np.minimum(log_capitals, _MAX_LOG_CAPITAL)).mean(axis=0) >= 1 / alpha
    return int(reached.argmax()) + 1 if reached.any() else None


def difference_rejected_after(values: Floats, null: float, alpha: float) -> int | None:
    """Return `rejected_after` for differences, each in [-1, 1]; `null` is on the scale of the differences.

    >>> difference_rejected_after(np.ones(100), null=0.0, alpha=0.05)
    9
    """
    return rejected_after((1 + values) / 2, (1 + null) / 2, alpha)


def log_likelihood_ratio(values: Floats, null: float) -> Floats:
    """Return the log likelihood ratio of the sequential t-test after each of `values`, shape (n,).

    The values are approximately normal with unknown standard deviation sigma. The alternative is a mean above `null` by
    0.5, 1 or 2 sigma, in equal parts. Under the prior 1 / sigma, the ratio does not depend on sigma (Lai 1976;
    Perez-Ortiz, Lardy, de Heide & Grunwald 2024). The integral over sigma is computed by the trapezoidal rule, around
    the peak of the integrand and in logarithms.

    A single value carries only its sign, so its ratios are 2 Phi(0.5), 2 Phi(1) and 2 Phi(2). Their mean is 1.6734, and
    the log of that is 0.5148.

    >>> log_likelihood_ratio(np.array([3.0, 4.0]), null=0.0).round(4).tolist()
    [0.5148, 1.3957]
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
    """Return the number of `values` after which `log_likelihood_ratio` shows a mean above `null`, or None.

    >>> t_test_rejected_after(np.array([2.0, 3.0, 2.0, 3.0, 2.0, 3.0]), null=0.0, alpha=0.05)
    4
    """
    reached = log_likelihood_ratio(values, null) >= -math.log(alpha)
    return int(reached.argmax()) + 1 if reached.any() else None


def _log_capitals(values: Floats, null: float) -> Floats:
    """Return the log of each gambler's capital after each value, shape (stakes, n)."""
    return np.cumsum(np.log1p(np.outer(_STAKES / null, values - null)), axis=1)
