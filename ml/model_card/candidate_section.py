"""The section of a model card on the candidates: their metrics, their differences, and the reason for the choice."""

from collections.abc import Sequence

from ml.model_card import markdown
from ml.training.candidate_comparison import Comparison, Criterion
from ml.training.selection import CandidateResult, Choice


def candidate_lines(
    contenders: Sequence[CandidateResult], choice: Choice, loss: str, *, with_timings: bool = True
) -> list[str]:
    """Return the table of candidates, the reason for the choice, and the table of the comparisons it is based on.

    `loss` is the name of the loss. Without timings, the reason and the comparisons are left out, because measured
    latency and memory decide which candidates are within their budgets.
    """
    headers = (
        "candidate",
        *contenders[0].quality.headline,
        "saved per 1000 rows",
        "package, MB",
        "p99 of one answer, ms",
        "memory, MB",
    )
    rows = [
        (
            each.name,
            *each.quality.headline.values(),
            f"{each.quality.saved_per_1000:,.0f}",
            f"{each.package_mb:.2f}",
            f"{each.p99_latency_ms:.2f}",
            f"{each.memory_mb:.0f}",
        )
        for each in contenders
    ]
    if not with_timings:
        chosen = f"Chosen: {choice.name}. The verdict in the ledger has the reason, and each latency and memory."
        return [*markdown.table(headers[:-2], [row[:-2] for row in rows]), "", chosen]
    return [
        *markdown.table(headers, rows),
        "",
        f"Chosen: {choice.reason}.",
        *comparison_lines(choice.comparisons, loss),
    ]


def comparison_lines(comparisons: Sequence[Comparison], loss: str) -> list[str]:
    """Return the table of `comparison_table` as lines of Markdown, with a sentence on it; [] without comparisons."""
    if not comparisons:
        return []
    header, *rows = comparison_table(comparisons, loss)
    caption = (
        "Differences on the same out-of-fold rows, with intervals over nights that hold for all pairs together: the "
        "candidate minus the one that it is compared with. Cost is compared first, then loss, then package size."
    )
    return ["", caption, "", *markdown.table(header, rows)]


def comparison_table(comparisons: Sequence[Comparison], loss: str) -> tuple[tuple[str, ...], ...]:
    """Return a header, and a row for each comparison; `loss` is the name of the loss.

    >>> from ml.statistics.intervals import Interval
    >>> cost, difference = Interval(value=90.0, low=20.0, high=160.0), Interval(value=0.01, low=-0.01, high=0.03)
    >>> comparison = Comparison(candidate="trees", other="linear", cost=cost, loss=difference)
    >>> comparison_table([comparison], "log loss")[1]
    ('trees', 'linear', '+90 [+20, +160]', '+0.0100 [-0.0100, +0.0300]', 'cost')
    """
    header = ("candidate", "compared with", "cost per 1000 rows", loss, "shown")
    rows = [
        (
            each.candidate,
            each.other,
            each.cost_text,
            each.loss_text,
            " and ".join(
                name
                for name, criterion in (("cost", Criterion.COST), (loss, Criterion.LOSS))
                if each.shown_worse(criterion)
            )
            or "nothing",
        )
        for each in comparisons
    ]
    return (header, *rows)
