"""The evidence on a challenger that an approver reads, rendered from the ledger."""

from collections.abc import Iterable, Sequence

from include.settings import Settings
from include.steps.context import NightContext
from include.steps.release import acceptance_tests, challengers, override
from include.stores import warehouse
from ml import targets
from ml.errors import LedgerError
from ml.governance import ledger_entries
from ml.governance.checks import Check, CheckStatus, format_number
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import AcceptanceTested, EntryKind, ShadowReviewed, Verdict
from ml.model_card import audit, candidate_section
from ml.promotion.adoption.admission import Admission, is_unproven
from ml.statistics import intervals
from ml.usecase import UseCase


def render_evidence(use_case: str, night: str) -> str:
    """Return the evidence on the challenger of `night`, in Markdown, rendered from the ledger.

    Raises LedgerError when the verdict has no evidence.
    """
    context = NightContext.load_night(use_case, night)
    challenger = challengers.find(context)
    verdict = ledger_entries.read(challenger, Verdict)
    gain, evaluation = verdict.gain, verdict.evaluation
    if gain is None or evaluation is None:
        raise LedgerError(f"expected a verdict on a package, got one without evidence: {verdict.reason}")
    interval = intervals.from_stored(gain.value, gain.low, gain.high)
    loss = targets.target_type(context.case).display_names.loss
    rows = _check_rows(verdict.checks)
    tables = ", ".join(f"`{name}` version {version}" for name, version in verdict.table_versions.items())
    champion = str(verdict.champion or "none: this is the first")[:23]
    return "\n".join(
        [
            f"**{context.case.question}**",
            "",
            f"Package `{challenger.subject}`, trained as of {context.night} because of *{verdict.trigger}*; "
            f"champion: `{champion}`.",
            "",
            f"Judged on {evaluation.rows} rows, {' to '.join(evaluation.nights)}, by the rule **{verdict.rule}**: "
            f"{loss} gain {interval.value:+.4f}, "
            f"interval [{interval.low:+.4f}, {interval.high:+.4f}].",
            "",
            f"Choice among the candidates: {verdict.choice}.",
            *candidate_section.comparison_lines(audit.comparisons(verdict), loss),
            "",
            *_override_lines(challenger, verdict, context.settings),
            *adoption_lines(verdict, context.case),
            *_queue_lines(verdict),
            _features_without_benefit(verdict),
            "",
            f"Trained and judged on {tables}.",
            "",
            "| check | number | bar | answer |",
            "|---|---|---|---|",
            *rows,
            "",
            *_refit_lines(verdict),
            *_acceptance_lines(challenger, context.settings),
            *_shadow_lines(challenger, context.settings),
            f"Evidence `{challengers.evidence_digest(challenger, context.settings)}`. "
            "Your answer is bound to this package and this evidence.",
        ]
    )


def _check_rows(checks: Iterable[Check]) -> list[str]:
    return [f"| {each.name} | {format_number(each.value)} | {each.bar} | {each.status} |" for each in checks]


def _refit_lines(verdict: Verdict) -> list[str]:
    """Return the lines on the refit, if the use case declares one."""
    lines = audit.refit_lines(verdict.refit)
    return [*lines, ""] if lines else []


def _acceptance_lines(challenger: Entry, settings: Settings) -> list[str]:
    """Return the lines on the latest acceptance tests of the package."""
    reports = acceptance_tests.find_reports(warehouse.engine(settings.warehouse_url), challenger)
    if not reports:
        return ["**The acceptance tests have not run on this package.**", ""]
    tested = ledger_entries.read(reports[-1], AcceptanceTested)
    head = ["| acceptance test | number | bar | answer |", "|---|---|---|---|"]
    return [f"Acceptance tests: **{tested.outcome}**.", "", *head, *_check_rows(tested.checks), ""]


def _shadow_lines(challenger: Entry, settings: Settings) -> list[str]:
    """Return the lines on the shadow review, if there is one."""
    reviews = challengers.find_entries(challenger, EntryKind.SHADOW_REVIEWED, settings)
    if not reviews:
        return []
    review = ledger_entries.read(reviews[-1], ShadowReviewed)
    return [
        f"As a shadow it answered {review.responses} requests, {review.errors} of them with a fault. Its scores differ "
        f"from the champion's by {review.mean_score_difference:.4f} on average, and "
        f"{review.decision_change_share:.1%} of the decisions would change.",
        "",
    ]


def _override_lines(challenger: Entry, verdict: Verdict, settings: Settings) -> list[str]:
    """Return the paragraph on the active override, if there is one."""
    active = override.active(warehouse.engine(settings.warehouse_url), challenger)
    if active is None:
        return []
    sentence = f"The gate said *{active.outcome}*: {verdict.reason}. {active.who} overrides it until"
    return [f"**OVERRIDDEN.** {sentence} {active.until}: {active.why}", ""]


def adoption_lines(verdict: Verdict, case: UseCase) -> list[str]:
    """Return the paragraph on an admitted refresh: the policy and its worst case if it is unproven or licensed.

    A proven refresh is admitted whatever its screen says. If it fails the screen, labels or features may be faulty.
    """
    record = verdict.adoption
    if record is None or verdict.admission is None:
        return []
    if not is_unproven(verdict.admission):
        failed = [each for each in record.checks if each.status is not CheckStatus.PASS]
        if not failed:
            return []
        return [
            "**SHOWN BETTER, BUT UNUSUAL.** The gate shows this refresh better than the champion, and it fails checks "
            "that an unproven refresh would have to pass. If the stored labels or features are faulty, a model that "
            "learned the fault is shown better, too: look at them before you approve.",
            "",
            *_screen_table(failed),
        ]
    names = targets.target_type(case).display_names
    head = "UNPROVEN" if verdict.admission == Admission.ALLOWANCE else "LICENSED"
    return [
        f"**{head}.** This refresh of the recipe is admitted although it is not shown better: {verdict.reason}. "
        f"The anchor is `{record.anchor}`.",
        "",
        f"At worst, unproven models may lose {record.harm_budget:g} in {names.loss} beyond the last proven model, "
        f"summed over nights, and what the nights without labels lose ({record.harm:+.3f} so far; below 0 is a gain). "
        "Then the last proven model is put back, and refreshes are admitted by proof only. A refresh that is shown "
        "worse than the model that it replaced is rolled back without a person.",
        "",
        *_screen_table(record.checks),
    ]


def _screen_table(checks: Sequence[Check]) -> list[str]:
    return ["| screen | number | bar | answer |", "|---|---|---|---|", *_check_rows(checks), ""]


def _queue_lines(verdict: Verdict) -> list[str]:
    """Return the paragraph on a challenger that was judged again in the shadow queue."""
    record = verdict.queue
    if record is None:
        return []
    return [
        f"**JUDGED AGAIN.** The gate had left this challenger undecided. As of {record.night} it was {verdict.reason}. "
        "Numbers and checks on this page are of later nights, which neither model has learned from.",
        "",
    ]


def _features_without_benefit(verdict: Verdict) -> str:
    """Return the sentence on features without a shown benefit.

    Verdicts from before this was measured have no diagnostics either.
    """
    if not verdict.features_without_benefit and not verdict.diagnostics:
        return "The importance of its features was not measured."
    names = ", ".join(f"`{name}`" for name in verdict.features_without_benefit)
    return f"Features without a shown benefit: {names or 'none'}; the model card has the numbers of each feature."
