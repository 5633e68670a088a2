"""The model card's passages on findings: how good on which part of the rows, weak slices, and who is treated how."""

from ml import targets
from ml.evaluation.diagnostics import Findings
from ml.evaluation.slice_discovery import Search
from ml.evaluation.slice_metrics import Kind, Segment
from ml.model_card import markdown
from ml.promotion import gate as promotion_gate
from ml.promotion.refit_equivalence import Refitted
from ml.targets import Group, Words
from ml.usecase import Fairness, UseCase

PICTURES = ("reliability", "gains", "slices", "fairness")


def of(findings: Findings, use_case: UseCase) -> dict[str, list[str]]:
    """Return the passages by their headings."""
    words = targets.of(use_case).words
    told = {
        "How good, and on which rows": _parts(findings, words),
        "Weak slices": _weak(findings.search, f"{use_case.gates.confidence:.0%}", words),
    }
    if use_case.fairness:
        told["Whom it treats how"] = _groups(findings, use_case, use_case.fairness)
    return told


def refitted(told: Refitted) -> list[str]:
    """Return the lines on a model that learned from the judged rows too, and whether it is the one released."""
    if told.agrees:
        why = (
            f"Released is a refit of the judged model `{told.judged}`: the same settings, learned from the judged rows too. The "
            "two agree, so what was measured of the judged model stands for it."
        )
    else:
        why = (
            f"Released is the judged model `{told.judged}` itself: a refit that learned from the judged rows too"
            f"{f' (`{told.refit}`)' if told.refit else ''} does not agree with it."
        )
    rows = [(each.name, promotion_gate.shown(each.value), each.bar, each.answer) for each in told.checks]
    return [why, "", *markdown.table(("refit beside judged", "number", "bar", "answer"), rows)]


def pictures(findings: Findings) -> list[str]:
    """Return the names of the pictures that there are numbers for."""
    without = {"fairness": not findings.groups, "gains": findings.gains is None}
    return [name for name in PICTURES if not without.get(name, False)]


def _picture(name: str, words: Words) -> list[str]:
    return ["", f"![{words.captions[name]}]({name}.svg)"]


def _parts(findings: Findings, words: Words) -> list[str]:
    first, *others = next(each.quality.facets for each in findings.segments if each.quality is not None)
    head = ("rows", "of", "count", "nights", first, words.loss, *others, words.calibration)
    named = [f"* *{each.name}*: {each.why}" for each in findings.segments if each.kind is Kind.EDGE_CASE]
    return [
        *markdown.table(head, [_part(each, len(head)) for each in findings.segments]),
        "",
        *([*named, ""] if named else []),
        "All on the judged rows, which nothing was learned from. Intervals are over nights, each by itself.",
        *(line for name in pictures(findings) if name != "fairness" for line in _picture(name, words)),
    ]


def _part(each: Segment, columns: int) -> tuple[str, ...]:
    if each.quality is None:
        return (each.name, each.kind, "0", "0", *["none"] * (columns - 4))
    quality = each.quality
    first, *others = quality.facets.values()
    return (
        each.name,
        each.kind,
        f"{quality.rows:,}",
        str(quality.nights),
        first,
        markdown.span(each.loss, 3),
        *others,
        markdown.span(each.calibration),
    )


def _weak(search: Search, confidence: str, words: Words) -> list[str]:
    looked = f"{search.rules:,} rules of one or two conditions were looked at on {search.rows:,} earlier rows"
    if not search.shortlist:
        return [f"{looked}: none was large enough to be held against the judged rows."]
    head = ("rule", "rows", words.expected, words.seen, f"excess {words.loss}", "weak")
    rows = [
        (
            f"`{each.rule}`",
            f"{each.rows:,}",
            f"{each.expected:.3f}",
            f"{each.seen:.3f}",
            markdown.interval(each.excess),
            "**yes**" if each.confirmed else "not shown",
        )
        for each in search.shortlist
    ]
    return [
        f"{looked}; {len(search.confirmed)} of the {len(rows)} worst are confirmed on the judged rows.",
        "",
        *markdown.table(head, rows),
        "",
        f"The excess is the {words.loss} ({words.loss_a_row}) that a constant added to the {words.raw}, learned on the "
        "earlier rows, spares "
        f"on the judged ones, after each night's luck is taken out; a rule is weak where that lies above 0, at {confidence} "
        "for all of these together.",
    ]


def _groups(findings: Findings, use_case: UseCase, declared: Fairness) -> list[str]:
    target = targets.of(use_case)
    answers = {check.name.split(":")[0]: True for check in findings.gates} | {
        check.name.split(":")[0]: False for check in findings.gates if check.answer != "pass"
    }
    told = [heading for heading, _, _ in findings.groups[0].columns] if findings.groups else []
    remarks = target.group_remarks(findings.groups, declared)
    return [
        *markdown.table(("group", "rows", *told, "gate"), [_group(each, answers) for each in findings.groups]),
        "",
        *([*remarks, ""] if remarks else []),
        *([f"Compared are the rows where `{declared.among}` holds."] if declared.among else []),
        target.group_bars(declared),
        *_picture("fairness", target.words),
    ]


def _group(each: Group, passed: dict[str, bool]) -> tuple[str, ...]:
    gate = "passed" if passed.get(f"group {each.by}={each.level}", False) else "**failed**"
    return (
        f"{each.by}={each.level}",
        f"{each.rows:,}",
        *(markdown.span(interval, digits) for _, interval, digits in each.columns),
        gate if each.gated else "too small",
    )
