"""Gate override: a named person lets a package that the gate did not promote go on to the approvals, for some days."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from include.steps import justification
from include.steps.context import NightContext
from include.steps.train import attempts
from include.stores import ledger
from ml.errors import RequestError
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, GateOverridden, Verdict
from ml.promotion.gate import Outcome

_LONGEST_DAYS = 30


def override(use_case: str, night: str, who: str, why: str, days: int) -> Entry:
    """Record that `who` overrides the gate's verdict of `night` for `days`, and why; both approvals are still required.

    Raises RequestError when the verdict has no package, when the gate promoted it already, when the justification is
    too short, or when `days` is out of range.
    """
    context = NightContext.load_night(use_case, night)
    engine = context.engine
    verdicts = attempts.verdicts(context)
    verdict = ledger_entries.read(verdicts[-1], Verdict) if verdicts else None
    if verdict is None or verdict.package is None:
        raise RequestError(
            f"expected a night of {context.case.name} whose challenger was judged, got {context.night}: train it first"
        )
    if verdict.outcome == Outcome.PROMOTE:
        raise RequestError(f"the gate promoted the challenger of {context.night}: there is nothing to override")
    justification.check("an override", who, why)
    if not 1 <= days <= _LONGEST_DAYS:
        raise RequestError(f"expected an override of 1 to {_LONGEST_DAYS} days, got {days}")
    until = datetime.now(UTC).date() + timedelta(days=days)
    return ledger.append(
        engine,
        kind=EntryKind.GATE_OVERRIDDEN,
        use_case=context.case.name,
        night=context.night,
        subject=verdicts[-1].subject,
        payload=GateOverridden(who=who, why=why, until=until, outcome=verdict.outcome),
        key=f"{context.case.name}:{EntryKind.GATE_OVERRIDDEN}:{context.night}:{verdicts[-1].subject}:{until}:{who}",
    )


def active(engine: sa.Engine, verdict: Entry) -> GateOverridden | None:
    """Return the override under which the judged package may go on today; None when there is none or it has expired."""
    entries = ledger.entries(
        engine,
        use_case=verdict.use_case,
        kind=EntryKind.GATE_OVERRIDDEN,
        night=verdict.night,
        subject=verdict.subject,
    )
    today = datetime.now(UTC).date()
    overrides = [ledger_entries.read(each, GateOverridden) for each in entries]
    valid = [each for each in overrides if each.until >= today]
    return valid[-1] if valid else None
