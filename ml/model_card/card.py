"""The model card: one page of Markdown on what a model is for, what it was made of, and what each feature costs and brings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ml import targets
from ml.evaluation.diagnostics import Findings
from ml.evaluation.permutation_importance import Worth
from ml.features.lineage import Dependencies
from ml.governance.privacy import HIDDEN
from ml.model_card import sections as card_sections
from ml.model_card.markdown import interval as _interval
from ml.model_card.markdown import table as _table
from ml.promotion.gate import Verdict
from ml.promotion.refit_equivalence import Refitted
from ml.training.selection import Choice, Contender
from ml.usecase import UseCase


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """What one declared feature brings and costs; None where it was not measured, or may not be told.

    `null_share` is that of the rows learned from; `milliseconds` those of the last build, of `rows_built` rows.
    """

    worth: Worth
    needs: Dependencies
    milliseconds: float | None
    rows_built: int | None
    null_share: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """Everything that a card tells.

    `personal` has the places that each personal column ("table.column") may reach, `changed` a sentence for each
    dependency that is another than its champion's.
    """

    use_case: UseCase
    night: str
    package: str
    fitted: tuple[str, str]
    judged: tuple[str, str]
    reads: Mapping[str, int]
    contenders: Sequence[Contender]
    choice: Choice
    verdict: Verdict
    personal: Mapping[str, frozenset[str]]
    lines: Sequence[Line]
    findings: Findings | None = None
    refitted: Refitted | None = None
    changed: Sequence[str] = ()


def write(card: Card, *, timed: bool = True) -> str:
    """Return the card as Markdown; it tells names of columns and numbers over many rows, no row's values.

    What a clock measured, the digest of the package, and what the champion was made with are left out where it is not
    `timed`: a package has such a card.
    """
    if not timed:
        card = replace(card, package="", changed=(), lines=[replace(each, milliseconds=None) for each in card.lines])
    sections = {
        "What it is for": [card.use_case.question, *targets.of(card.use_case).asked(card.use_case)],
        "What it was made of": _made_of(card),
        "Candidates": candidates(card.contenders, card.choice, timed=timed),
        "Verdict": verdict(card.verdict),
        **({"Refitted": card_sections.refitted(card.refitted)} if card.refitted else {}),
        **(card_sections.of(card.findings, card.use_case) if card.findings else {}),
        "Columns left out": [*_excluded(card.use_case)] or ["None is declared."],
        "Personal columns": [*_personal(card)] or ["None is declared."],
        "Features": _features(card),
        "Cost and do not pay": _unpaid(card.lines, targets.of(card.use_case).words.loss),
    }
    title = f"# {card.use_case.name}, as of {card.night}"
    return "\n\n".join([title, *("\n".join([f"## {name}", "", *lines]) for name, lines in sections.items())]) + "\n"


def csv(lines: Iterable[Line]) -> str:
    """Return the table of features for machines: numbers in full, columns and needs joined by spaces and semicolons."""
    head = (
        "feature,columns,within,within_low,within_high,across,across_low,across_high,pays,milliseconds,null_share,needs"
    )
    return "\n".join([head, *map(_record, lines)]) + "\n"


def _record(line: Line) -> str:
    worth, numbers = line.worth, (line.milliseconds, line.null_share)
    benefits = [each for span in (worth.within, worth.across) for each in (span.value, span.low, span.high)]
    told = ["" if each is None else repr(each) for each in numbers]
    texts = (worth.feature, " ".join(worth.columns), *map(repr, benefits), str(worth.pays).lower(), *told)
    return ",".join([*texts, f'"{line.needs}"'])


def _made_of(card: Card) -> list[str]:
    return [
        f"* Package `{card.package}`, owned by {card.use_case.owner}"
        if card.package
        else f"* Owned by {card.use_case.owner}",
        f"* Learned from the nights {' to '.join(card.fitted)}, judged on {' to '.join(card.judged)}",
        *(f"* `{table}` at version {version}" for table, version in card.reads.items()),
        *dependencies(card.changed),
    ]


def dependencies(changed: Iterable[str]) -> list[str]:
    """Return the lines on what the package is made with and its champion was not."""
    return [f"* Unlike its champion: {each}" for each in changed]


def candidates(contenders: Sequence[Contender], choice: Choice, *, timed: bool = True) -> list[str]:
    """Return the lines on the candidates and why one of them was chosen."""
    head = (
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
    if not timed:
        why = f"Chosen: {choice.name}; why, with each one's latency and memory, is in the ledger's verdict."
        return [*_table(head[:-2], [row[:-2] for row in rows]), "", why]
    return [*_table(head, rows), "", f"Chosen: {choice.reason}."]


def verdict(told: Verdict) -> list[str]:
    """Return the lines on what the gate found."""
    return [
        f"**{told.outcome}**, by the {told.bar} bar, on {told.rows:,} rows of {told.nights} nights: "
        f"{told.words.loss} gain {_interval(told.gain)}. {told.reason[0].upper()}{told.reason[1:]}."
    ]


def _excluded(use_case: UseCase) -> Iterator[str]:
    for column in use_case.excluded:
        yield f"* `{column.column}`: {column.why}"
    for each in use_case.settled:
        levels = ", ".join(f"`{level}`" for level in each.levels)
        yield f"* Kept, though it settles the label by definition: `{each.by}` at {levels}: {each.why}"


def _personal(card: Card) -> Iterator[str]:
    for name, places in card.personal.items():
        yield f"* `{name}` may reach {' and '.join(sorted(places)) or 'no place'}"


def _features(card: Card) -> list[str]:
    head = ("feature", "within nights", "across nights", "shown to pay", "build, ms", "missing", "depends on")
    rows = [
        (
            f"`{each.worth.feature}`",
            _interval(each.worth.within),
            _interval(each.worth.across),
            "yes" if each.worth.pays else "no",
            _milliseconds(each),
            _share(each),
            str(each.needs),
        )
        for each in card.lines
    ]
    confidence, words = f"{card.use_case.gates.confidence:.0%}", targets.of(card.use_case).words
    return [
        *_table(head, rows),
        "",
        f"The {words.loss} ({words.loss_unit}) that is lost on later nights when a declaration's columns are dealt anew, all "
        "together, among "
        f"the rows of each night, and among all nights of a fold; both intervals hold together at {confidence}, by nights. "
        "Features that say the same stand in for each other, so that each may look worth little: leave out one at a time, "
        "and train again. Milliseconds are those of one build; what several share is on the first one's bill.",
    ]


def _unpaid(lines: Sequence[Line], loss: str) -> list[str]:
    unpaid = [each for each in lines if not each.worth.pays]
    dearest_first = sorted(unpaid, key=lambda each: -(each.milliseconds or 0.0))
    if not unpaid:
        return ["None: every feature is shown to pay."]
    return [
        f"{len(unpaid)} of {len(lines)} are not shown to pay, the dearest first:",
        "",
        *(
            f"* `{each.worth.feature}` costs {_milliseconds(each)} ms to build{_of_rows(each)} and needs {each.needs}; "
            f"without it, {loss} changes by {_interval(each.worth.within)} within nights and "
            f"{_interval(each.worth.across)} across"
            for each in dearest_first
        ),
    ]


def _milliseconds(line: Line) -> str:
    return "unmeasured" if line.milliseconds is None else f"{line.milliseconds:.1f}"


def _of_rows(line: Line) -> str:
    return "" if line.rows_built is None else f" for {line.rows_built:,} rows"


def _share(line: Line) -> str:
    return HIDDEN if line.null_share is None else f"{line.null_share:.1%}"
