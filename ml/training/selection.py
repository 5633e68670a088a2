"""Selection of the candidate that goes to the gate: the one with the lowest cost among those within their budgets."""

from collections.abc import Sequence
from dataclasses import dataclass

from ml.errors import RefusalError
from ml.targets import Quality
from ml.usecase import Megabytes, Milliseconds


@dataclass(frozen=True, kw_only=True, slots=True)
class CandidateResult:
    """A candidate's out-of-fold quality and its cost of serving.

    `p99_latency_ms` (CPU time for one row) and `memory_mb` were measured in a process that serves the candidate's package.
    `package_mb` is the size of that package.
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The chosen candidate, and the reason, which also says why each of the others was not chosen."""

    name: str
    reason: str


def choose(candidates: Sequence[CandidateResult], latency: Milliseconds | None, size: Megabytes) -> Choice:
    """Return the candidate within its budgets that saves the most per 1000 rows; a tie goes to the lower loss.

    Without a `latency` budget, any latency is within it.     Raises RefusalError when no candidate is within its budgets.
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
    best = max(within_budget, key=lambda each: (each.quality.saved_per_1000, -each.quality.loss))
    others = "; ".join(_why_not(each, best, latency, size) for each in candidates if each is not best)
    summary = f"{best.name} saves {best.quality.saved_per_1000:,.0f} per 1000 rows with {best.resource_summary}"
    return Choice(name=best.name, reason=f"{summary}; {others}" if others else summary)


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


def _why_not(candidate: CandidateResult, best: CandidateResult, latency: Milliseconds | None, size: Megabytes) -> str:
    saves = f"{candidate.name} saves {candidate.quality.saved_per_1000:,.0f}"
    if exceeded := _exceeded_budgets(candidate, latency, size):
        return f"{saves}, but needs {' and '.join(exceeded)} allowed"
    if candidate.quality.saved_per_1000 < best.quality.saved_per_1000:
        return f"{saves}, which is less"
    return f"{saves}, the same at a higher {next(iter(best.quality.headline))}"
