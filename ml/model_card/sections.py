"""The model card's sections on diagnostics: quality by slice, weak slices, group fairness, and the refit."""

from ml import targets
from ml.evaluation.diagnostics import Diagnostics
from ml.evaluation.slice_discovery import SliceSearch
from ml.evaluation.slice_metrics import SliceKind, SliceMetrics
from ml.governance import checks
from ml.model_card import markdown
from ml.promotion.refit_equivalence import RefitComparison
from ml.targets import DisplayNames, Group
from ml.usecase import Fairness, UseCase

PICTURES = ("reliability", "gains", "slices", "fairness")


def build(findings: Diagnostics, use_case: UseCase) -> dict[str, list[str]]:
    """Return the lines of each section by its heading."""
    display_names = targets.target_type(use_case).display_names
    by_heading = {
        "Quality by slice": _slice_table(findings, display_names),
        "Weak slices": _weak_slices(findings.slice_search, f"{use_case.gates.confidence:.0%}", display_names),
    }
    if use_case.fairness:
        by_heading["Group fairness"] = _fairness_table(findings, use_case, use_case.fairness)
    return by_heading


def refit_section(refit: RefitComparison) -> list[str]:
    """Return the lines on a refit, also fitted on the judged rows, and on whether it is the model that is released."""
    if refit.is_equivalent:
        explanation = (
            f"Released is a refit of the judged model `{refit.judged}`: the same settings, learned from the judged "
            "rows too. The two agree, so what was measured of the judged model stands for it."
        )
    else:
        explanation = (
            f"Released is the judged model `{refit.judged}` itself: a refit that learned from the judged rows too"
            f"{f' (`{refit.refit}`)' if refit.refit else ''} does not agree with it."
        )
    rows = [(each.name, checks.format_number(each.value), each.bar, each.status) for each in refit.checks]
    return [explanation, "", *markdown.table(("refit beside judged", "number", "bar", "answer"), rows)]


def pictures(findings: Diagnostics) -> list[str]:
    """Return the names of the plots for which the diagnostics have numbers."""
    without = {"fairness": not findings.groups, "gains": findings.gains_curve is None}
    return [name for name in PICTURES if not without.get(name, False)]


def _picture(name: str, display_names: DisplayNames) -> list[str]:
    return ["", f"![{display_names.captions[name]}]({name}.svg)"]


def _slice_table(findings: Diagnostics, display_names: DisplayNames) -> list[str]:
    first, *others = next(each.quality.descriptors for each in findings.segments if each.quality is not None)
    head = ("slice", "kind", "rows", "nights", first, display_names.loss, *others, display_names.calibration)
    edge_cases = [f"* *{each.name}*: {each.why}" for each in findings.segments if each.kind is SliceKind.EDGE_CASE]
    return [
        *markdown.table(head, [_slice_row(each, len(head)) for each in findings.segments]),
        "",
        *([*edge_cases, ""] if edge_cases else []),
        "All on the judged rows, on which the judged model was not fitted. Each interval is over nights, by itself.",
        *(line for name in pictures(findings) if name != "fairness" for line in _picture(name, display_names)),
    ]


def _slice_row(each: SliceMetrics, columns: int) -> tuple[str, ...]:
    if each.quality is None:
        return (each.name, each.kind, "0", "0", *["none"] * (columns - 4))
    quality = each.quality
    first, *others = quality.descriptors.values()
    return (
        each.name,
        each.kind,
        f"{quality.rows:,}",
        str(quality.nights),
        first,
        markdown.plain_interval(each.loss, 3),
        *others,
        markdown.plain_interval(each.calibration),
    )


def _weak_slices(search: SliceSearch, confidence: str, display_names: DisplayNames) -> list[str]:
    searched = f"{search.rules:,} rules of one or two conditions were searched on {search.rows:,} earlier rows"
    if not search.shortlist:
        return [f"{searched}: none matched enough of the judged rows to be tested."]
    head = ("rule", "rows", display_names.expected, display_names.observed, f"excess {display_names.loss}", "weak")
    rows = [
        (
            f"`{each.rule}`",
            f"{each.rows:,}",
            f"{each.expected:.3f}",
            f"{each.observed:.3f}",
            markdown.signed_interval(each.excess),
            "**yes**" if each.confirmed else "not shown",
        )
        for each in search.shortlist
    ]
    return [
        f"{searched}; {len(search.confirmed)} of the {len(rows)} worst are confirmed on the judged rows.",
        "",
        *markdown.table(head, rows),
        "",
        f"The excess is the {display_names.loss} ({display_names.loss_per_row}) that a constant added to the "
        f"{display_names.raw}, fitted on the earlier rows, saves on the judged rows, after the scores of each night "
        f"were shifted to match its labels. A slice is weak if the interval lies above 0, at {confidence} for all rules "
        "together.",
    ]


def _fairness_table(findings: Diagnostics, use_case: UseCase, declared: Fairness) -> list[str]:
    target = targets.target_type(use_case)
    passed = {check.name.split(":")[0]: True for check in findings.fairness_checks} | {
        check.name.split(":")[0]: False for check in findings.fairness_checks if check.status != "pass"
    }
    headings = [heading for heading, _, _ in findings.groups[0].table_cells] if findings.groups else []
    remarks = target.group_remarks(findings.groups, declared)
    return [
        *markdown.table(
            ("group", "rows", *headings, "gate"), [_fairness_row(each, passed) for each in findings.groups]
        ),
        "",
        *([*remarks, ""] if remarks else []),
        *([f"Groups are compared on the rows where `{declared.population}` is true."] if declared.population else []),
        target.describe_group_limits(declared),
        *_picture("fairness", target.display_names),
    ]


def _fairness_row(each: Group, passed: dict[str, bool]) -> tuple[str, ...]:
    verdict = "passed" if passed.get(f"group {each.column}={each.level}", False) else "**failed**"
    return (
        f"{each.column}={each.level}",
        f"{each.rows:,}",
        *(markdown.plain_interval(interval, digits) for _, interval, digits in each.table_cells),
        verdict if each.gated else "too small",
    )
