"""What approvers of a standing approval read: its terms, what it may cost at worst, and the backtest behind it."""

from include.steps.adoption import standing_approval, standing_proposal
from include.steps.context import StepContext
from include.stores import backtest_reports, ledger
from include.stores.backtest_reports import Backtest
from ml import targets
from ml.governance import ledger_entries, ledger_text
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, Verdict
from ml.promotion.adoption.admission import Admission
from ml.promotion.adoption.standing_approval import Terms
from ml.usecase import UseCase


def render(use_case: str, request_id: str) -> str:
    """Return the evidence on the proposal of a request, in Markdown; raises RequestError when there is none."""
    context = StepContext.load(use_case)
    proposed = standing_proposal.proposal(context, request_id)
    terms, case = standing_approval.terms(proposed), context.case
    return "\n".join(
        [
            f"**{case.question}**",
            "",
            f"{terms.who} proposes a standing approval: *{terms.why}*. If both roles approve it, the release of a "
            "model that it covers asks nobody.",
            "",
            *_bounds(terms, proposed),
            "",
            *_worst_case(terms, case),
            "",
            *_recipe_record(terms, context),
            "",
            *_backtest(terms, context),
            "",
            f"Your answer is bound to this proposal, `{proposed.digest}`. `ratchet standing-approval revoke "
            f"{case.name} --why ...` ends it at once.",
        ]
    )


def _bounds(terms: Terms, proposed: Entry) -> list[str]:
    return [
        "| bound | |",
        "|---|---|",
        f"| recipe | `{terms.recipe}`, that of the champion `{proposed.subject[:12]}`; another recipe is never covered |",
        f"| adoptions | {terms.adoptions} models at most |",
        f"| cadence | at least {terms.nights_between} nights between two trainings |",
        f"| harm budget | {terms.harm_budget:g} |",
        f"| last day | {terms.until} (UTC) |",
        f"| rules | gate, adoption, refit and release as declared now (`{terms.rules[:12]}`) |",
    ]


def _worst_case(terms: Terms, case: UseCase) -> list[str]:
    loss = targets.target_type(case).display_names.loss
    return [
        f"**What it may cost at worst.** {terms.harm_budget:g} in {loss} beyond the last proven model, summed over "
        "nights, and what unproven models lose in the nights whose labels have not come. Then that model is put back.",
        "",
        "Every model must still pass the gate or the screen of its licence or allowance, the acceptance tests and the "
        "canary. A model that is shown worse than its predecessor is rolled back, which ends this standing approval. "
        "Whatever it does not cover needs two approvals of its own: a change of recipe, an override of the gate, or "
        "rules that are declared otherwise.",
    ]


def _recipe_record(terms: Terms, context: StepContext) -> list[str]:
    """Return the lines on the evidence about the recipe, as of its latest refresh."""
    judged = ledger.entries(context.engine, context.case.name, EntryKind.JUDGED)
    verdicts = [(each.night, ledger_entries.read(each, Verdict)) for each in judged]
    sentences = [
        ledger_text.describe_adoption(night, each.adoption, is_unproven=each.admission == Admission.ALLOWANCE)
        for night, each in verdicts
        if each.recipe == terms.recipe and each.adoption and night
    ]
    return [f"{sentences[-1]}." if sentences else "No refresh of this recipe was judged yet."]


def _backtest(terms: Terms, context: StepContext) -> list[str]:
    reports = backtest_reports.gather(context.settings.reports, context.case.name)
    report = next((each for each in reports if each.name == terms.backtest), None)
    if report is None:
        return [
            f"**No backtest is behind it.** The DAG `{context.case.name}_backtest` compares what such refreshes would "
            "have gained and lost on past nights, with `gate` switched on."
        ]
    return [f"**Backtest** over {report.nights}{'' if report.gate else ', without the gate'}.", "", *_table(report)]


def _table(report: Backtest) -> list[str]:
    rows = (report.headers, ("---",) * len(report.headers), *report.rows)
    return [*("| " + " | ".join(row) + " |" for row in rows), "", report.caveat]
