"""The page of a use case says what standing approval was given, what is left of it, and that it has ended."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from include.dashboard import standing_approval
from ml.governance import hash_chain, ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import (
    ApprovalRecord,
    EntryKind,
    Payload,
    Promoted,
    RolledBack,
    StandingProposed,
    StandingRevoked,
)

ROLES, TODAY = ("tech_lead", "business_owner"), date(2024, 5, 1)
TERMS = StandingProposed(
    recipe="r" * 64,
    rules="d" * 64,
    adoptions=6,
    nights_between=7,
    harm_budget=0.2,
    until=date(2024, 6, 30),
    who="ann",
    why="routine refreshes",
)


def append(entries: list[Entry], kind: EntryKind, subject: str, payload: Payload) -> Entry:
    draft = Entry(
        kind=str(kind),
        use_case="taxi",
        night=date(2024, 4, 1),
        subject=subject,
        payload=ledger_entries.encode(kind, payload),
        recorded_at=datetime(2024, 4, 1, tzinfo=UTC),
        key=str(len(entries)),
    )
    entries.append(hash_chain.link(entries[-1] if entries else None, draft))
    return entries[-1]


def given(*roles: str, terms: StandingProposed = TERMS) -> tuple[list[Entry], str]:
    """Return entries with a proposal that these roles approved, and its digest."""
    entries: list[Entry] = []
    proposed = append(entries, EntryKind.STANDING_PROPOSED, "c" * 64, terms)
    for role in roles:
        answer = ApprovalRecord(role=role, user=f"{role}'s", choice="approved", evidence="e", signature="s")
        append(entries, EntryKind.APPROVED, proposed.digest, answer)
    return entries, proposed.digest


@pytest.mark.parametrize("roles", [(), ("tech_lead",)])
def test_what_not_every_role_approved_is_not_shown(roles: tuple[str, ...]) -> None:
    assert standing_approval.find(given(*roles)[0], ROLES, TODAY) is None


def test_adoptions_are_counted_by_the_promotions_that_name_it() -> None:
    entries, digest = given(*ROLES)
    for standing in (digest, None, "another", digest):
        promoted = Promoted(approved_by=("a", "b"), evidence="e", standing=standing)
        append(entries, EntryKind.PROMOTED, "m" * 64, promoted)
    assert standing_approval.find(entries, ROLES, TODAY) == (
        f"{digest[:12]}, given by tech_lead's and business_owner's: 2 of 6 adoptions of the recipe rrrrrrrrrrrr used, "
        "until 2024-06-30; in force"
    )


def test_that_it_was_revoked_or_has_ended_is_said() -> None:
    entries, digest = given(*ROLES)
    assert str(standing_approval.find(entries, ROLES, date(2024, 7, 1))).endswith("; ended: it ended on 2024-06-30")
    append(entries, EntryKind.STANDING_REVOKED, digest, StandingRevoked(who="bob", why="enough of it"))
    assert str(standing_approval.find(entries, ROLES, TODAY)).endswith("; ended: it was revoked: bob: enough of it")


def test_that_it_is_used_up_is_said() -> None:
    entries, digest = given(*ROLES, terms=replace(TERMS, adoptions=1))
    append(entries, EntryKind.PROMOTED, "m" * 64, Promoted(approved_by=("a", "b"), evidence="e", standing=digest))
    assert str(standing_approval.find(entries, ROLES, TODAY)).endswith(
        "; ended: all 1 adoptions that it allows were made"
    )


def test_that_a_model_of_it_was_rolled_back_is_said() -> None:
    entries, digest = given(*ROLES)
    append(entries, EntryKind.PROMOTED, "m" * 64, Promoted(approved_by=("a", "b"), evidence="e", standing=digest))
    append(entries, EntryKind.ROLLED_BACK, "c" * 64, RolledBack(who="guard", why="worse", from_package="m" * 64))
    ending = "; ended: the model mmmmmmmmmmmm, which was adopted under it, was rolled back"
    assert str(standing_approval.find(entries, ROLES, TODAY)).endswith(ending)
