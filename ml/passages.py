"""The model card's passages on findings: how good on which part of the rows, weak slices, and who is treated how."""

from collections.abc import Iterator

from ml import fairness, markdown, promotion
from ml.agreement import Refitted
from ml.fairness import Group
from ml.findings import Findings
from ml.segments import Kind, Segment
from ml.slicing import Search
from ml.usecase import Fairness, UseCase

PICTURES = {
    "reliability": "Is a score what came? Ten bins of equal count, with the rows of each.",
    "gains": "What acting on the highest scores finds, and saves.",
    "slices": "Each part of the rows: log loss, and what was expected over what came.",
    "fairness": "Each group: who is acted on, who is found, who is alarmed for nothing, and what a score means.",
}


def of(findings: Findings, use_case: UseCase) -> dict[str, list[str]]:
    """Return the passages by their headings."""
    told = {
        "How good, and on which rows": _parts(findings),
        "Weak slices": _weak(findings.search, f"{use_case.gates.confidence:.0%}"),
    }
    if use_case.fairness:
        told["Whom it treats how"] = _groups(findings, use_case.fairness)
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
    rows = [(each.name, promotion.shown(each.value), each.bar, each.answer) for each in told.checks]
    return [why, "", *markdown.table(("refit beside judged", "number", "bar", "answer"), rows)]


def pictures(findings: Findings) -> list[str]:
    """Return the names of the pictures that there are numbers for."""
    return [name for name in PICTURES if name != "fairness" or findings.groups]


def _picture(name: str) -> list[str]:
    return ["", f"![{PICTURES[name]}]({name}.svg)"]


def _parts(findings: Findings) -> list[str]:
    head = ("rows", "of", "count", "nights", "base rate", "log loss", "ROC AUC", "expected over seen")
    named = [f"* *{each.name}*: {each.why}" for each in findings.segments if each.kind is Kind.EDGE_CASE]
    return [
        *markdown.table(head, map(_part, findings.segments)),
        "",
        *([*named, ""] if named else []),
        "All on the judged rows, which nothing was learned from. Intervals are over nights, each by itself.",
        *_picture("reliability"),
        *_picture("gains"),
        *_picture("slices"),
    ]


def _part(each: Segment) -> tuple[str, ...]:
    if each.quality is None:
        return (each.name, each.kind, "0", "0", "none", "none", "none", "none")
    quality = each.quality
    return (
        each.name,
        each.kind,
        f"{quality.rows:,}",
        str(quality.nights),
        f"{quality.base_rate:.3f}",
        markdown.span(each.log_loss, 3),
        "none" if quality.auc is None else f"{quality.auc:.3f}",
        markdown.span(each.calibration),
    )


def _weak(search: Search, confidence: str) -> list[str]:
    looked = f"{search.rules:,} rules of one or two conditions were looked at on {search.rows:,} earlier rows"
    if not search.shortlist:
        return [f"{looked}: none was large enough to be held against the judged rows."]
    head = ("rule", "rows", "expected", "seen", "excess log loss", "weak")
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
        "The excess is the log loss (nats a row) that a constant added to the log-odds, learned on the earlier rows, spares "
        f"on the judged ones, after each night's luck is taken out; a rule is weak where that lies above 0, at {confidence} "
        "for all of these together.",
    ]


def _groups(findings: Findings, declared: Fairness) -> list[str]:
    head = (
        "group",
        "rows",
        "base rate",
        "acted on",
        "found (TPR)",
        "alarmed for nothing (FPR)",
        "expected over seen",
        "beside everybody's",
        "AUC less everybody's",
        "log loss",
        "gate",
    )
    answers = {check.name.split(":")[0]: True for check in findings.gates} | {
        check.name.split(":")[0]: False for check in findings.gates if check.answer != "pass"
    }
    return [
        *markdown.table(head, [_group(each, answers) for each in findings.groups]),
        "",
        *_equalised(findings.groups, declared),
        "",
        *([f"Compared are the rows where `{declared.among}` holds."] if declared.among else []),
        f"Gated are groups of {declared.least_rows} rows or more: mean score over mean label, as a multiple of everybody's, may "
        f"not be shown outside {declared.least_calibration} to {declared.most_calibration}, nor ROC AUC shown lower than "
        f"everybody's by more than {declared.auc_margin}.",
        *_picture("fairness"),
    ]


def _group(each: Group, passed: dict[str, bool]) -> tuple[str, ...]:
    gate = "passed" if passed.get(f"group {each.by}={each.level}", False) else "**failed**"
    return (
        f"{each.by}={each.level}",
        f"{each.rows:,}",
        *map(markdown.span, (each.base_rate, each.selected, each.found, each.alarmed, each.calibration, each.parity)),
        markdown.span(each.rank, 3),
        markdown.span(each.log_loss, 3),
        gate if each.gated else "too small",
    )


def _equalised(groups: tuple[Group, ...], declared: Fairness) -> Iterator[str]:
    for by in declared.by:
        found, alarmed = fairness.gaps(groups, by)
        if found is None or alarmed is None:
            yield f"* `{by}`: too few groups are large enough to compare."
        else:
            yield (
                f"* `{by}`: true positive rates lie up to {found:.2f} apart, false positive rates up to {alarmed:.2f}. Told, "
                "not gated: with one threshold for all, base rates that differ part them, however well scores are calibrated."
            )
