"""An override: a named person lets one package, whose champion it did not beat, go on to the approvals until a day."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from include import usecases
from include.settings import load_settings
from include.steps import justification
from include.steps.train import attempts
from include.stores import ledger, warehouse
from ml import periods
from ml.errors import RequestError
from ml.governance.hash_chain import Entry
from ml.promotion.gate import Outcome

OVERRIDDEN = "overridden"
_LONGEST_DAYS = 30


def override(use_case: str, night: str, who: str, why: str, days: int) -> Entry:
    """Write that `who` overrides the gate's verdict of `night` for `days`, and why; both approvals are still asked for.

    Raises RequestError when the verdict has no package, when it promoted already, or when the words are too few.
    """
    case, as_of, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    engine = warehouse.engine(settings.warehouse_url)
    verdicts = attempts.verdicts(case, as_of, settings)
    if not verdicts or "package" not in verdicts[-1].payload:
        raise RequestError(f"expected a night of {case.name} whose challenger was judged, got {as_of}: train it first")
    if verdicts[-1].payload["outcome"] == Outcome.PROMOTE:
        raise RequestError(f"the challenger of {as_of} earned its release: there is nothing to override")
    justification.check("an override", who, why)
    if not 1 <= days <= _LONGEST_DAYS:
        raise RequestError(f"an override is good for 1 to {_LONGEST_DAYS} days, got {days}")
    until = datetime.now(UTC).date() + timedelta(days=days)
    return ledger.append(
        engine,
        kind=OVERRIDDEN,
        use_case=case.name,
        night=as_of,
        subject=verdicts[-1].subject,
        payload={"who": who, "why": why, "until": str(until), "outcome": verdicts[-1].payload["outcome"]},
        key=f"{case.name}:overridden:{as_of}:{verdicts[-1].subject}:{until}:{who}",
    )


def active(engine: sa.Engine, verdict: Entry) -> Mapping[str, Any] | None:
    """Return the override that lets the judged package go on today; None when there is none, or it has run out."""
    entries = ledger.entries(
        engine, use_case=verdict.use_case, kind=OVERRIDDEN, night=verdict.night, subject=verdict.subject
    )
    today = datetime.now(UTC).date()
    valid = [each.payload for each in entries if date.fromisoformat(str(each.payload["until"])) >= today]
    return valid[-1] if valid else None
