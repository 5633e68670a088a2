"""The newest standing approval in a sentence, as the ledger states it; the promoting step verifies its signatures."""

from collections.abc import Sequence
from datetime import date

from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import (
    ApprovalRecord,
    EntryKind,
    StandingProposed,
)
from ml.promotion.adoption import standing_approval

_SHORT = 12


def find(entries: Sequence[Entry], approvers: Sequence[str], today: date) -> str | None:
    """Return the sentence on the newest proposal that all `approvers` approved; None if there is none.

    `entries` are one use case's, in order. That the harm budget is used up is not said: it needs scores and labels.
    """
    approved: dict[str, dict[str, str]] = {}
    for each in entries:
        if each.kind == EntryKind.APPROVED:
            given = ledger_entries.read(each, ApprovalRecord)
            approved.setdefault(each.subject, {})[given.role] = given.user
    proposals = [
        each
        for each in entries
        if each.kind == EntryKind.STANDING_PROPOSED and set(approvers) <= approved.get(each.digest, {}).keys()
    ]
    if not proposals:
        return None
    newest = proposals[-1]
    terms = ledger_entries.read(newest, StandingProposed)
    usage = standing_approval.usage(entries, newest.digest)
    ended = standing_approval.ended(terms, usage, today)
    people = " and ".join(approved[newest.digest][role] for role in approvers)
    return (
        f"{newest.digest[:_SHORT]}, given by {people}: {len(usage.adopted)} of {terms.adoptions} adoptions of the "
        f"recipe {terms.recipe[:_SHORT]} used, until {terms.until}; {f'ended: {ended}' if ended else 'in force'}"
    )
