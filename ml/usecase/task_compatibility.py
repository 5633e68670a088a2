"""What fits the question: costs, candidates, baselines and expectations for a yes or no, or for a number."""

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
    """Raise DeclarationError where something that is declared is for the other kind of question."""
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
        f"Binary asks for a yes or no, whose cost is Cost(act=..., miss=..., averted=...), got {cost}",
    )
    for candidate in candidates:
        check(
            not isinstance(candidate, LinearQuantile),
            "LinearQuantile answers with a number, and Binary asks for a yes or no: declare Logistic()",
        )
    for baseline in baselines:
        check(
            not isinstance(baseline, RecentMean),
            "RecentMean is a baseline for a number, and Binary asks for a yes or no: declare RecentRate(feature=...)",
        )
    for each in expectations:
        check(
            each.max_difference < 1,
            f"the expectation {each.name!r} lets answers move by {each.max_difference:g}, but Binary answers with probabilities: "
            "say less than 1",
        )


def _check_regression(cost: Cost | PinballCost, candidates: Iterable[Candidate], baselines: Iterable[Baseline]) -> None:
    check(
        isinstance(cost, PinballCost),
        f"Regression asks for a number, whose cost is PinballCost(under=..., over=...) per unit, got {cost}",
    )
    for candidate in candidates:
        check(
            not isinstance(candidate, Logistic),
            "Logistic answers yes or no, and Regression asks for a number: declare "
            "candidates=(LinearQuantile(), GradientBoosting())",
        )
        check(
            isinstance(candidate, LinearQuantile) or candidate.positive_weight == 1.0,
            f"{candidate.name} gives rows with the label yes a positive_weight, and Regression has no such label: leave it out",
        )
    for baseline in baselines:
        check(
            not isinstance(baseline, RecentRate),
            "RecentRate is a share, and Regression asks for a number: declare RecentMean(feature=...)",
        )
