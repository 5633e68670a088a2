"""Selection of the candidate that goes to the gate, by differences that are shown; else the simplest one is chosen.

Candidates beyond their budgets are left out first. Of the others, every one that is shown to cost more than another is
left out; of those that remain, every one that is shown to have a higher loss than another. The simplest of what
remains is chosen: the one with the smallest package.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ml.errors import RefusalError
from ml.targets import Quality, Target
from ml.training import candidate_comparison
from ml.training.candidate_comparison import Comparison, Criterion, OutOfFoldRows
from ml.usecase import Megabytes, Milliseconds


@dataclass(frozen=True, kw_only=True, slots=True)
class CandidateResult:
    """A candidate's out-of-fold quality and its cost of serving.

    `p99_latency_ms` (CPU time for one row) and `memory_mb` were measured in a process that serves the candidate's
    package. `package_mb` is the size of that package.
    """

    name: str
    quality: Quality
    p99_latency_ms: float
    package_mb: float
    memory_mb: float

    @property
    def resource_summary(self) -> str:
        """Return latency, package size and memory as text."""
        return f"{self.p99_latency_ms:.2f} ms, {self.package_mb:.2f} MB packed and {self.memory_mb:.0f} MB of memory"

    @property
    def simplicity(self) -> float:
        """The size of the package in MB, to two significant digits; the smaller, the simpler.

        The package is the whole description of the model, so its size compares models of any kind and of any settings.
        It does not vary from one measurement to the next, as latency and memory do. The rounding keeps the digits of
        fitted numbers from deciding between models of equal structure.
        """
        return float(f"{self.package_mb:.1e}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The chosen candidate, what decided, and the reason, which also says why each of the others was not chosen.

    `comparisons` has every pair of the candidates within their budgets.
    """

    name: str
    reason: str
    criterion: Criterion = Criterion.BUDGET
    comparisons: tuple[Comparison, ...] = ()


def choose(
    candidates: Sequence[CandidateResult],
    rows: OutOfFoldRows,
    target: Target,
    *,
    confidence: float,
    latency: Milliseconds | None,
    size: Megabytes,
) -> Choice:
    """Return the simplest candidate of those within budget that are not shown worse, in cost first and then in loss.

    A difference is shown if its interval over nights excludes 0 at `confidence`, for all pairs together; see
    `candidate_comparison.compare`. "Shown worse" has no cycles, because it implies a higher mean. The order of
    `candidates` matters only between packages of one size: the first of them is chosen. Without a `latency` budget, any
    latency is within it. Raises RefusalError when no candidate is within its budgets.
    """
    within_budget = [each for each in candidates if not _exceeded_budgets(each, latency, size)]
    if not within_budget:
        needs = "; ".join(f"{each.name} {each.resource_summary}" for each in candidates)
        fast = "" if latency is None else f"a p99 latency of at most {latency.p99} ms, "
        raise RefusalError(
            f"expected a candidate with {fast}a package of at most "
            f"{size.package} MB and at most {size.memory} MB of memory, got {needs}: make one smaller, or allow more "
            "(latency_budget, size_budget)"
        )
    names = [each.name for each in within_budget]
    comparisons = candidate_comparison.compare(names, rows, target, confidence)
    by_cost = candidate_comparison.not_shown_worse(names, comparisons, Criterion.COST)
    by_loss = candidate_comparison.not_shown_worse(by_cost, comparisons, Criterion.LOSS)
    best = min((each for each in within_budget if each.name in by_loss), key=lambda each: each.simplicity)
    criterion = _deciding(names, by_cost, by_loss)
    loss = target.display_names.loss
    why_not = [
        _why_beyond(each, latency, size)
        if each.name not in names
        else _why_shown_worse(each.name, names, comparisons, Criterion.COST, loss)
        or _why_shown_worse(each.name, by_cost, comparisons, Criterion.LOSS, loss)
        or _why_not_simplest(each, best, comparisons, loss)
        for each in candidates
        if each is not best
    ]
    basis = f" (by {len(set(rows.nights))} nights, {confidence:.0%} for all pairs together)" if comparisons else ""
    summary = f"{_headline(best, criterion, len(candidates), loss)}{basis}, with {best.resource_summary}"
    return Choice(name=best.name, reason="; ".join([summary, *why_not]), criterion=criterion, comparisons=comparisons)


def _deciding(names: Sequence[str], by_cost: Sequence[str], by_loss: Sequence[str]) -> Criterion:
    """Return the first criterion after which one candidate is left."""
    left_after = {Criterion.BUDGET: names, Criterion.COST: by_cost, Criterion.LOSS: by_loss}
    return next((criterion for criterion, left in left_after.items() if len(left) == 1), Criterion.SIMPLICITY)


def _headline(best: CandidateResult, criterion: Criterion, count: int, loss: str) -> str:
    match criterion:
        case Criterion.BUDGET if count == 1:
            return f"{best.name} is the only candidate"
        case Criterion.BUDGET:
            return f"{best.name} is the only candidate within its budgets"
        case Criterion.COST:
            return f"{best.name} is chosen by cost: each other candidate within budget is shown to cost more"
        case Criterion.LOSS:
            return (
                f"{best.name} is chosen by {loss}: each other candidate within budget is shown to be worse in cost or "
                f"in {loss}"
            )
        case Criterion.SIMPLICITY:
            return (
                f"{best.name} is chosen as the simplest: it has the smallest package of those that are not shown to "
                f"be worse in cost or in {loss}"
            )


def _exceeded_budgets(candidate: CandidateResult, latency: Milliseconds | None, size: Megabytes) -> list[str]:
    """Return a description of each budget that the candidate exceeds; a missing number (NaN) exceeds its budget."""
    limits = {
        f"a package of {candidate.package_mb:.2f} MB of the {size.package} MB": candidate.package_mb <= size.package,
        f"{candidate.memory_mb:.0f} MB of memory of the {size.memory} MB": candidate.memory_mb <= size.memory,
    }
    if latency is not None:
        needs = f"{candidate.p99_latency_ms:.2f} ms of the {latency.p99} ms"
        limits = {needs: candidate.p99_latency_ms <= latency.p99, **limits}
    return [description for description, is_met in limits.items() if not is_met]


def _why_beyond(candidate: CandidateResult, latency: Milliseconds | None, size: Megabytes) -> str:
    return f"{candidate.name} needs {' and '.join(_exceeded_budgets(candidate, latency, size))} allowed"


def _why_shown_worse(
    name: str, others: Sequence[str], comparisons: Collection[Comparison], criterion: Criterion, loss: str
) -> str:
    """Return by how much `name` is shown worse than the one of `others` that is furthest ahead of it; "" if it is not."""
    seen = [each.seen_from(name) for each in comparisons if name in each.names and each.names <= {name, *others}]
    shown = [each for each in seen if each.shown_worse(criterion) == name]
    if not shown:
        return ""
    worst = max(shown, key=lambda each: each.difference(criterion).value)
    if criterion is Criterion.COST:
        return f"{name} is shown to cost more per 1000 rows than {worst.other}: {worst.cost_text}"
    return f"{name} is shown to have a higher {loss} than {worst.other}: {worst.loss_text}"


def _why_not_simplest(
    candidate: CandidateResult, best: CandidateResult, comparisons: Collection[Comparison], loss: str
) -> str:
    (pair,) = (each for each in comparisons if each.names == {candidate.name, best.name})
    seen = pair.seen_from(candidate.name)
    numbers = f"not shown to differ: cost {seen.cost_text} per 1000 rows, {loss} {seen.loss_text}"
    sizes = f"{candidate.package_mb:.2g} MB against {best.package_mb:.2g} MB"
    if candidate.simplicity > best.simplicity:
        return f"{candidate.name} has a larger package, {sizes} ({numbers})"
    return f"{candidate.name} has a package of the same size and is declared later ({numbers})"
