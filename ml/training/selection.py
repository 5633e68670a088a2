"""Which candidate goes to the gate: the cheapest by the use case's cost among those that keep their budgets."""

from collections.abc import Sequence
from dataclasses import dataclass

from ml.errors import RefusalError
from ml.targets import Quality
from ml.usecase import Megabytes, Milliseconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Contender:
    """A candidate with its quality on rows ahead of what it had learned, and what answering with it takes.

    `p99_latency_ms` of one row and `memory_mb` are those of a process that serves its package of `package_mb`.
    """

    name: str
    quality: Quality
    p99_latency_ms: float
    package_mb: float
    memory_mb: float

    @property
    def takes(self) -> str:
        """Return in words what answering takes."""
        return f"{self.p99_latency_ms:.2f} ms, {self.package_mb:.2f} MB packed and {self.memory_mb:.0f} MB of memory"


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The contender chosen, and why in words that also say why the others were not."""

    name: str
    reason: str


def choose(contenders: Sequence[Contender], latency: Milliseconds, size: Megabytes) -> Choice:
    """Return the contender that saves most per 1000 rows within its budgets; a tie goes to the lower loss.

    Raises RefusalError when none keeps them.
    """
    fit = [each for each in contenders if not _over(each, latency, size)]
    if not fit:
        told = "; ".join(f"{each.name} {each.takes}" for each in contenders)
        raise RefusalError(
            f"expected a candidate with a p99 latency of at most {latency.p99} ms, a package of at most {size.package} MB "
            f"and at most {size.memory} MB of memory, got {told}: make one smaller, or allow more (latency_budget, "
            "size_budget)"
        )
    best = max(fit, key=lambda each: (each.quality.saved_per_1000, -each.quality.loss))
    others = "; ".join(_why_not(each, best, latency, size) for each in contenders if each is not best)
    kept = f"{best.name} saves {best.quality.saved_per_1000:,.0f} per 1000 rows with {best.takes}"
    return Choice(name=best.name, reason=f"{kept}; {others}" if others else kept)


def _over(contender: Contender, latency: Milliseconds, size: Megabytes) -> list[str]:
    """Return what the contender needs beyond its budgets; a number that is missing keeps none."""
    takes = {
        f"{contender.p99_latency_ms:.2f} ms of the {latency.p99} ms": contender.p99_latency_ms <= latency.p99,
        f"a package of {contender.package_mb:.2f} MB of the {size.package} MB": contender.package_mb <= size.package,
        f"{contender.memory_mb:.0f} MB of memory of the {size.memory} MB": contender.memory_mb <= size.memory,
    }
    return [told for told, kept in takes.items() if not kept]


def _why_not(contender: Contender, best: Contender, latency: Milliseconds, size: Megabytes) -> str:
    saves = f"{contender.name} saves {contender.quality.saved_per_1000:,.0f}"
    if over := _over(contender, latency, size):
        return f"{saves}, but needs {' and '.join(over)} allowed"
    if contender.quality.saved_per_1000 < best.quality.saved_per_1000:
        return f"{saves}, which is less"
    return f"{saves}, the same at a higher {next(iter(best.quality.headline))}"
