"""What a fresh model is worth: the cost of age as measured, and the saving to compare with a price of retraining.

Let v(j) be the additional decision cost of night j of a model's service, over that of a fresh model, and P the price of
one retraining. A cycle of T nights costs (P + v(1) + ... + v(T)) / T a night. While v does not fall, one more night
lowers that mean as long as v(T + 1) is below it, so that the best T is the first with

    T v(T + 1) - (v(1) + ... + v(T)) >= P.

This is age replacement at the least long-run mean cost (renewal reward; Barlow & Proschan, Mathematical Theory of
Reliability, 1965). The left side is the *forecast saving*: what a model that stays as bad as in the coming night costs
in T nights, minus what a fresh model costs in as many. To weigh a forecast of performance against the cost of
retraining is the proposal of Regol et al., "When to retrain a machine learning model" (arXiv 2505.14903, 2025); the
forecast here is a straight line, v(j) = s j, because a few models on a few weeks show no more than a slope.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from ml.arrays import Booleans, Floats
from ml.usecase import Night, RetrainingPrice

MODELS, NIGHTS = 4, 56  # the newest models, and the latest nights, from which the cost of age is measured
# How much an exact measurement counts. The rest stays assumed, so that a fresh model comes from time to time.
MEASURED_SHARE = 0.8


@dataclass(frozen=True, kw_only=True, slots=True)
class WorthFacts:
    """What is known as of a night about the cost of age and of a training.

    `age_cost` is the slope of the decision cost of a night, summed over its rows, in the age of the model in nights,
    and `error` its standard error. It was measured on `nights` nights; both are None if these are too few.
    `cpu_seconds` are those of the last training, None if they were not recorded. `fault` says why the cost of age could
    not be measured, "" if it could.
    """

    age_cost: float | None
    error: float | None
    nights: int
    cpu_seconds: float | None
    fault: str = ""


def first_compared(trained: Sequence[date], night: date, schedule: Night) -> date:
    """Return the first night on which models, trained on the nights `trained` (two or more), are compared.

    >>> daily = Night(hour=2, timezone="UTC")
    >>> first_compared([date(2013, 2, 1), date(2013, 3, 1)], date(2013, 3, 20), daily)
    datetime.date(2013, 3, 2)
    """
    return max(schedule.previous(sorted(trained)[1], -1), schedule.previous(night, NIGHTS - 1))


def ages(trained: Sequence[date], nights: Sequence[str], schedule: Night) -> Floats:
    """Return the age of each model on each night (ISO dates), NaN until it was trained; shape (nights, models).

    >>> ages([date(2013, 2, 1), date(2013, 2, 2)], ["2013-02-02", "2013-02-03"], Night(hour=2, timezone="UTC"))
    array([[ 1., nan],
           [ 2.,  1.]])
    """
    counted = [[schedule.count(each, date.fromisoformat(night)) for each in trained] for night in nights]
    values = np.array(counted, np.float64).reshape(len(nights), len(trained))
    return np.where(values > 0, values, np.nan)


def facts_of(model_ages: Floats, costs: Floats, *, min_nights: int, cpu_seconds: float | None) -> WorthFacts:
    """Return the facts from the ages and the decision costs of the models on each night; see `measure_age_cost`.

    The cost of age is None with fewer than `min_nights` nights on which two models can be compared.
    """
    compared = (np.isfinite(model_ages) & np.isfinite(costs)).sum(axis=1) >= 2
    nights = int(compared.sum())
    measured = measure_age_cost(model_ages[compared], costs[compared]) if nights >= max(min_nights, 2) else None
    slope, error = measured or (None, None)
    return WorthFacts(age_cost=slope, error=error, nights=nights, cpu_seconds=cpu_seconds)


def measure_age_cost(model_ages: Floats, costs: Floats) -> tuple[float, float] | None:
    """Return the slope of cost in age within nights, and its standard error over nights; None if no two ages differ.

    `model_ages` and `costs` have the shape (nights, models), with two nights or more: the age in nights of each model,
    and the decision cost of its scores, summed over the night's rows; NaN where a model had not been trained yet. Each
    night has an intercept of its own (least squares with fixed effects), so that seasons cancel; with two models a
    night it is the regression of the cost difference on the age difference through the origin. The error takes nights
    as independent units, and the models of a night as dependent (Arellano 1987).

    >>> old_and_new = np.array([[15.0, 1.0], [16.0, 2.0], [17.0, 3.0]])
    >>> measure_age_cost(old_and_new, np.array([[128.0, 100.0], [928.0, 900.0], [528.0, 500.0]]))
    (2.0, 0.0)
    """
    known, nights = np.isfinite(model_ages) & np.isfinite(costs), len(costs)
    centred_ages, centred_costs = (_centre(each, known) for each in (model_ages, costs))
    spread = float((centred_ages**2).sum())
    if not spread > 0:
        return None
    slope = float((centred_ages * centred_costs).sum()) / spread
    by_night = (centred_ages * (centred_costs - slope * centred_ages)).sum(axis=1)
    return slope, float(np.sqrt((by_night**2).sum() * nights / (nights - 1))) / spread


def saving(excess: Floats) -> float:
    """Return the forecast saving of a fresh model after T nights of service, from v(1) to v(T + 1), shape (T + 1,).

    >>> saving(np.array([2.0, 4.0, 6.0]))  # two nights at 6, instead of 2 and 4
    6.0
    """
    return float((excess[-1] - excess[:-1]).sum())


def linear_saving(age_cost: float, age_nights: int) -> float:
    """Return the forecast saving if each night of age adds `age_cost`; a negative one counts as 0.

    >>> linear_saving(2.0, age_nights=2)
    6.0
    """
    return max(age_cost, 0.0) * age_nights * (age_nights + 1) / 2


def forecast_saving(price: RetrainingPrice, facts: WorthFacts, age_nights: int) -> float:
    """Return the forecast saving of replacing a model of `age_nights`, from what is assumed and what was measured.

    The assumed cost of age s is the one with which the saving first exceeds the price P at the age A of
    `price.first_age_nights`: s A² / 2 = P. The measured one replaces it as far as it differs from it by more than its
    standard error e: of a difference d, max(0, 1 - e²/d²) counts (positive-part shrinkage, James & Stein 1961). Without
    this, a slope that came out negative by chance would keep a model for weeks, and one that came out high would
    replace it at once.

    The slope that results, not below 0, has the weight `MEASURED_SHARE`, and the assumed one the rest. Two models that
    both grow old, and decide alike, do not show what a fresh one would save. If age seems to cost nothing at all, a
    fresh model is requested after 2.2 times `first_age_nights`.

    >>> price = RetrainingPrice(risk=400, first_age_nights=20)  # assumed: each night of age costs 2 more a night
    >>> unknown = WorthFacts(age_cost=None, error=None, nights=0, cpu_seconds=None)
    >>> forecast_saving(price, unknown, age_nights=20)
    420.0
    >>> forecast_saving(price, WorthFacts(age_cost=4.0, error=1.0, nights=20, cpu_seconds=None), age_nights=20)
    672.0
    """
    total, first = price.total(facts.cpu_seconds or 0.0), price.first_age_nights
    assumed = 2 * total / first**2
    difference = 0.0 if facts.age_cost is None else facts.age_cost - assumed
    if facts.error and difference:
        difference *= max(0.0, 1 - (facts.error / difference) ** 2)
    measured = max(assumed + difference, 0.0)
    return linear_saving(MEASURED_SHARE * measured + (1 - MEASURED_SHARE) * assumed, age_nights)


def _centre(values: Floats, known: Booleans) -> Floats:
    """Return the known values minus their mean of the night, and 0 for the others; shape (nights, models)."""
    means = np.where(known, values, 0.0).sum(axis=1, keepdims=True) / known.sum(axis=1, keepdims=True)
    centred: Floats = np.where(known, values - means, 0.0)
    return centred
