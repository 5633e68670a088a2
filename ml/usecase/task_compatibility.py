"""Checks that costs, candidates, baselines and expectations fit the task, which is binary or regression."""

from collections.abc import Iterable

from ml.usecase.declaration import check
from ml.usecase.expectations import Expectation
from ml.usecase.gates import Cost, PinballCost
from ml.usecase.models import (
    Baseline,
    Binary,
    Candidate,
    LinearQuantile,
    Logistic,
    RecentMean,
    RecentRate,
    Regression,
    Task,
)


def check_fits_task(
    task: Task,
    cost: Cost | PinballCost,
    candidates: Iterable[Candidate],
    baselines: Iterable[Baseline],
    expectations: Iterable[Expectation],
) -> None:
    """Raise DeclarationError if one of the arguments is for the other kind of task."""
    match task:
        case Binary():
            _check_binary(cost, candidates, baselines, expectations)
        case Regression():
            _check_regression(cost, candidates, baselines)


def _check_binary(
    cost: Cost | PinballCost,
    candidates: Iterable[Candidate],
    baselines: Iterable[Baseline],
    expectations: Iterable[Expectation],
) -> None:
    check(
        isinstance(cost, Cost),
        f"the cost of a Binary task is Cost(act=..., miss=..., averted=...), got {cost}",
    )
    for candidate in candidates:
        check(
            not isinstance(candidate, LinearQuantile),
            "LinearQuantile predicts a number, but the task is Binary: declare Logistic()",
        )
    for baseline in baselines:
        check(
            not isinstance(baseline, RecentMean),
            "RecentMean is a baseline for Regression, but the task is Binary: declare RecentRate(feature=...)",
        )
    for each in expectations:
        check(
            each.max_difference < 1,
            f"the expectation {each.name!r} lets scores move by {each.max_difference:g}, but scores of a Binary task "
            "are probabilities: declare less than 1",
        )


def _check_regression(cost: Cost | PinballCost, candidates: Iterable[Candidate], baselines: Iterable[Baseline]) -> None:
    check(
        isinstance(cost, PinballCost),
        f"the cost of a Regression task is PinballCost(under=..., over=...) per unit, got {cost}",
    )
    for candidate in candidates:
        check(
            not isinstance(candidate, Logistic),
            "Logistic predicts a probability, but the task is Regression: declare "
            "candidates=(LinearQuantile(), GradientBoosting())",
        )
        check(
            isinstance(candidate, LinearQuantile) or candidate.positive_weight == 1.0,
            f"{candidate.name} has a positive_weight, but a Regression task has no positive rows: leave it out",
        )
    for baseline in baselines:
        check(
            not isinstance(baseline, RecentRate),
            "RecentRate is a baseline for Binary, but the task is Regression: declare RecentMean(feature=...)",
        )
