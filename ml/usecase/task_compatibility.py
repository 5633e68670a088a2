"""What fits the question: costs, candidates, baselines and expectations for a yes or no, or for a number."""

from collections.abc import Iterable

from ml.usecase.declaration import require
from ml.usecase.expectations import Expectation
from ml.usecase.gates import Cost, Deviation
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


def require_fit(
    task: Task,
    cost: Cost | Deviation,
    candidates: Iterable[Candidate],
    baselines: Iterable[Baseline],
    expectations: Iterable[Expectation],
) -> None:
    """Raise DeclarationError where something that is declared is for the other kind of question."""
    match task:
        case Binary():
            _require_yes_or_no(cost, candidates, baselines, expectations)
        case Regression():
            _require_number(cost, candidates, baselines)


def _require_yes_or_no(
    cost: Cost | Deviation,
    candidates: Iterable[Candidate],
    baselines: Iterable[Baseline],
    expectations: Iterable[Expectation],
) -> None:
    require(
        isinstance(cost, Cost),
        f"Binary asks for a yes or no, whose cost is Cost(act=..., miss=..., averted=...), got {cost}",
    )
    for candidate in candidates:
        require(
            not isinstance(candidate, LinearQuantile),
            "LinearQuantile answers with a number, and Binary asks for a yes or no: declare Logistic()",
        )
    for baseline in baselines:
        require(
            not isinstance(baseline, RecentMean),
            "RecentMean is a baseline for a number, and Binary asks for a yes or no: declare RecentRate(of=...)",
        )
    for each in expectations:
        require(
            each.distance < 1,
            f"the expectation {each.name!r} lets answers move by {each.distance:g}, but Binary answers with probabilities: "
            "say less than 1",
        )


def _require_number(cost: Cost | Deviation, candidates: Iterable[Candidate], baselines: Iterable[Baseline]) -> None:
    require(
        isinstance(cost, Deviation),
        f"Regression asks for a number, whose cost is Deviation(under=..., over=...) per unit, got {cost}",
    )
    for candidate in candidates:
        require(
            not isinstance(candidate, Logistic),
            "Logistic answers yes or no, and Regression asks for a number: declare "
            "candidates=(LinearQuantile(), GradientBoosting())",
        )
        require(
            isinstance(candidate, LinearQuantile) or candidate.positive_weight == 1.0,
            f"{candidate.name} gives rows with the label yes a positive_weight, and Regression has no such label: leave it out",
        )
    for baseline in baselines:
        require(
            not isinstance(baseline, RecentRate),
            "RecentRate is a share, and Regression asks for a number: declare RecentMean(of=...)",
        )
