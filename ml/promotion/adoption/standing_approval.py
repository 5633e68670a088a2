"""The standing approval: people approve, once, that refreshes of one recipe are adopted within stated bounds.

Evidence and approval are two questions. A standing approval changes who is asked, and nothing about what evidence
admits: each refresh still needs the gate, the licence or the allowance, its acceptance tests and its canary. Whatever
the terms do not cover needs an approval of its own. The form follows the predetermined change control plans of the FDA
(guidance of December 2024), which state the changes, how they are tested, and what they may cost, before any is made.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, Promoted, RolledBack, StandingProposed, StandingRevoked
from ml.promotion.gate import GateRule
from ml.usecase import UseCase, identity

Terms = StandingProposed
# The entries that say what was done under a standing approval.
USAGE_KINDS = frozenset({EntryKind.JUDGED, EntryKind.PROMOTED, EntryKind.ROLLED_BACK, EntryKind.STANDING_REVOKED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What was done under a standing approval: the nights as of which the models were trained that it let in.

    `revoked` says who revoked it and why, and `rolled_back` names a model that it let in and that was rolled back; both
    are "" if nothing of the kind happened. `harm` is the loss of the unproven models beyond that of the last proven
    model, summed over nights, as of now.
    """

    adopted: tuple[date, ...] = ()
    revoked: str = ""
    rolled_back: str = ""
    harm: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Applicant:
    """A challenger that may be covered: its night, and the rule that judged it.

    `recipe` and `champion_recipe` are the digests in the signed packages of the challenger and of the champion. `rules`
    is the digest of the rules as they are declared now (`rules_digest`). `is_overridden` says that the gate did not
    admit it, but a person.
    """

    night: date
    rule: str | None
    recipe: str
    champion_recipe: str
    rules: str
    is_overridden: bool = False


def usage(entries: Sequence[Entry], digest: str) -> Usage:
    """Return what was done under the standing approval `digest`, but for the harm, which needs scores and labels.

    `entries` are one use case's, in order, with all verdicts, promotions, rollbacks and revocations.
    """
    promotions = [
        each
        for each in entries
        if each.kind == EntryKind.PROMOTED and ledger_entries.read(each, Promoted).standing == digest
    ]
    revocations = [
        ledger_entries.read(each, StandingRevoked)
        for each in entries
        if each.kind == EntryKind.STANDING_REVOKED and each.subject == digest
    ]
    rollbacks = [
        (each.seq, ledger_entries.read(each, RolledBack).from_package)
        for each in entries
        if each.kind == EntryKind.ROLLED_BACK
    ]
    failed = [
        each.subject for each in promotions for seq, package in rollbacks if package == each.subject and seq > each.seq
    ]
    return Usage(
        adopted=tuple(_trained_night(entries, each) for each in promotions),
        revoked=f"{revocations[0].who}: {revocations[0].why}" if revocations else "",
        rolled_back=failed[-1] if failed else "",
    )


def _trained_night(entries: Sequence[Entry], promoted: Entry) -> date:
    judged = [each for each in entries if each.kind == EntryKind.JUDGED and each.subject == promoted.subject]
    earlier = [each.night for each in judged if each.seq < promoted.seq and each.night is not None]
    assert promoted.night is not None
    return earlier[-1] if earlier else promoted.night


def rules_digest(case: UseCase) -> str:
    """Return the digest of the rules that a standing approval relies on: gate, adoption, refit and release.

    The people who approved saw these rules, so that a change of one of them ends what they approved.
    """
    text = identity.text((case.gates, case.adoption, case.refit, case.release))
    return hashlib.sha256(text.encode()).hexdigest()


def refusal(
    terms: Terms, usage: Usage, applicant: Applicant, today: date, nights_between: Callable[[date, date], int]
) -> str:
    """Return why the standing approval with `terms` does not cover the challenger; "" if it covers it.

    `nights_between` counts the nights from one night to another; `today` is the day in UTC.

    >>> terms = Terms(
    ...     recipe="r1", rules="d1", adoptions=2, nights_between=7, harm_budget=0.3, until=date(2024, 6, 30),
    ...     who="ann", why="routine refreshes",
    ... )
    >>> applicant = Applicant(night=date(2024, 3, 8), rule="refresh", recipe="r1", champion_recipe="r1", rules="d1")
    >>> def refuse(today: date, *adopted: date) -> str:
    ...     usage = Usage(adopted=adopted)
    ...     return refusal(terms, usage, applicant, today, lambda first, last: (last - first).days)
    >>> refuse(date(2024, 3, 9))
    ''
    >>> refuse(date(2024, 7, 1))
    'it ended on 2024-06-30'
    >>> refuse(date(2024, 3, 9), date(2024, 3, 4))
    'its last model was trained as of 2024-03-04, and this one 2024-03-08: at least 7 nights must lie between two'
    """
    if reason := ended(terms, usage, today):
        return reason
    if applicant.is_overridden:
        return "a person overrode the gate, and an override needs approvals of its own"
    if applicant.recipe != terms.recipe:
        return (
            f"it is for the recipe {_short(terms.recipe)}, and this package has the recipe {_short(applicant.recipe)}"
        )
    if applicant.rule != GateRule.REFRESH or applicant.champion_recipe != terms.recipe:
        return "it is for refreshes, and this would be a change of recipe: the champion has another one"
    if applicant.rules != terms.rules:
        return "the gate, the adoption, the refit or the release are declared otherwise than when it was approved"
    last = max(usage.adopted, default=None)
    if last is not None and nights_between(last, applicant.night) < terms.nights_between:
        return (
            f"its last model was trained as of {last}, and this one {applicant.night}: at least "
            f"{terms.nights_between} nights must lie between two"
        )
    return ""


def ended(terms: Terms, usage: Usage, today: date) -> str:
    """Return why the standing approval covers nothing any more, "" if it may still cover something.

    >>> terms = Terms(
    ...     recipe="r1", rules="d1", adoptions=1, nights_between=7, harm_budget=0.3, until=date(2024, 6, 30),
    ...     who="ann", why="routine refreshes",
    ... )
    >>> ended(terms, Usage(adopted=(date(2024, 3, 1),)), date(2024, 3, 9))
    'all 1 adoptions that it allows were made'
    """
    if usage.revoked:
        return f"it was revoked: {usage.revoked}"
    if today > terms.until:
        return f"it ended on {terms.until}"
    if len(usage.adopted) >= terms.adoptions:
        return f"all {terms.adoptions} adoptions that it allows were made"
    if usage.rolled_back:
        return f"the model {_short(usage.rolled_back)}, which was adopted under it, was rolled back"
    if usage.harm > terms.harm_budget:
        return f"unproven models have lost {usage.harm:.3f} of the {terms.harm_budget:g} that it allows"
    return ""


def _short(digest: str) -> str:
    return digest[:12]
