"""Which candidate goes to the gate: the cheapest by the use case's cost among those that answer fast enough."""

from collections.abc import Sequence
from dataclasses import dataclass

from ml.errors import RefusalError
from ml.targets import Quality
from ml.usecase import Milliseconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Contender:
    """A candidate with its quality on rows ahead of what it had learned, and its measured latency for one row."""

    name: str
    quality: Quality
    p99_latency_ms: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The contender chosen, and why in words that also say why the others were not."""

    name: str
    reason: str


def choose(contenders: Sequence[Contender], budget: Milliseconds) -> Choice:
    """Return the contender that saves most per 1000 rows within the latency budget; a tie goes to the lower loss.

    Raises RefusalError when none keeps the budget.
    """
    fast = [each for each in contenders if each.p99_latency_ms <= budget.p99]
    if not fast:
        told = ", ".join(f"{each.name} {each.p99_latency_ms:.2f} ms" for each in contenders)
        raise RefusalError(
            f"expected a candidate with a p99 latency of at most {budget.p99} ms, got {told}: make one smaller, "
            "or allow more (latency_budget)"
        )
    best = max(fast, key=lambda each: (each.quality.saved_per_1000, -each.quality.loss))
    others = "; ".join(_why_not(each, best, budget) for each in contenders if each is not best)
    kept = f"{best.name} saves {best.quality.saved_per_1000:,.0f} per 1000 rows at {best.p99_latency_ms:.2f} ms"
    return Choice(name=best.name, reason=f"{kept}; {others}" if others else kept)


def _why_not(contender: Contender, best: Contender, budget: Milliseconds) -> str:
    saves = f"{contender.name} saves {contender.quality.saved_per_1000:,.0f}"
    if contender.p99_latency_ms > budget.p99:
        return f"{saves}, but needs {contender.p99_latency_ms:.2f} ms of the {budget.p99} ms allowed"
    if contender.quality.saved_per_1000 < best.quality.saved_per_1000:
        return f"{saves}, which is less"
    return f"{saves}, the same at a higher {next(iter(best.quality.headline))}"
