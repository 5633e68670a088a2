"""The last check before an unproven refresh is promoted: licence, allowance and budget, computed anew."""

from datetime import date

from include.steps.adoption import line as lines
from include.steps.adoption import record as records
from include.steps.context import StepContext
from include.stores import table_snapshot
from ml.errors import LedgerError
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import Verdict
from ml.promotion.adoption.admission import Admission, is_unproven


def require_admissible(challenger: Entry, context: StepContext) -> None:
    """Raise LedgerError unless the evidence that admits the challenger still holds.

    What the verdict states is not believed: the evidence is computed again from scores and labels, at the table
    versions that the verdict read; the allowance is counted, and the end of adoption looked up, as of now. A challenger
    that the gate showed better needs none of this.
    """
    verdict = ledger_entries.read(challenger, Verdict)
    if not is_unproven(verdict.admission):
        return
    declared, now = context.case.adoption, None
    assert challenger.night is not None
    if declared is not None and verdict.recipe is not None and verdict.champion is not None:
        now = lines.read(context.at(date.max), verdict.recipe)
    if declared is None or now is None:
        raise _refusal(challenger, "the use case declares no adoption of unproven refreshes, or its recipe is unknown")
    if now.stopped:
        raise _refusal(challenger, now.stopped)
    if (harm := records.present_harm(context, now.recipe, challenger.night)) > declared.harm_budget:
        raise _refusal(
            challenger, f"unproven models have lost {harm:.3f} of the harm budget of {declared.harm_budget:g}"
        )
    if verdict.admission == Admission.ALLOWANCE:
        if now.allowance_used >= declared.allowance:
            raise _refusal(challenger, f"{now.allowance_used} of the allowance of {declared.allowance} are used")
        return
    tables = table_snapshot.take(context.case, context.settings, verdict.table_versions)
    record = records.measure(context.at(challenger.night), now.recipe, str(verdict.champion), tables)
    if record is None or record.stopped or not record.is_licensed:
        evidence = "none" if record is None else record.stopped or f"e = {record.evidence:.1f}"
        raise _refusal(challenger, f"its recipe has no licence ({evidence}, licence at {declared.licence:g})")


def _refusal(challenger: Entry, reason: str) -> LedgerError:
    return LedgerError(
        f"package {challenger.subject[:12]} of {challenger.night} may not be adopted unproven: {reason}. It needs a "
        "verdict that shows it better (train again), or `ratchet override`"
    )
