from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from include.settings import Settings
from include.stores import approvals, ledger
from include.stores.approvals import Approval
from ml.errors import ApprovalError, LedgerError, SetupError
from ml.governance.ledger_entries import ApprovalRecord, EntryKind

NIGHT = date(2013, 2, 8)
KEY = b"k" * 32
ROLES = ("tech_lead", "business_owner")
LEAD = Approval(
    use_case="taxi", night=NIGHT, role="tech_lead", user="ada", choice="approved", digest="d" * 64, evidence="e" * 64
)
OWNER = replace(LEAD, role="business_owner", user="bob")


def check(engine: sa.Engine) -> tuple[Approval, ...]:
    return approvals.check(engine, KEY, "taxi", NIGHT, "d" * 64, "e" * 64, ROLES)


def forge(engine: sa.Engine, approval: Approval, signature: str) -> None:
    ledger.append(
        engine,
        kind=EntryKind(approval.choice),
        use_case=approval.use_case,
        night=approval.night,
        subject=approval.digest,
        payload=ApprovalRecord(
            role=approval.role,
            user=approval.user,
            choice=approval.choice,
            evidence=approval.evidence,
            signature=signature,
        ),
        key="forged",
    )


def test_two_people_in_two_roles_approve(engine: sa.Engine) -> None:
    for approval in (OWNER, LEAD):
        approvals.record(engine, KEY, approval)
    assert check(engine) == (LEAD, OWNER)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "approval of 'tech_lead' is missing"),
        ([LEAD], "approval of 'business_owner' is missing"),
        ([LEAD, replace(OWNER, night=date(2013, 2, 9))], "'business_owner' is missing"),
        ([LEAD, replace(OWNER, use_case="bikes")], "'business_owner' is missing"),
        ([LEAD, replace(OWNER, choice="rejected")], "'bob' rejected package dddddddddddd as 'business_owner'"),
        ([LEAD, replace(OWNER, digest="f" * 64)], "is for package ffffffffffff on evidence eeeeeeeeeeee, but this is"),
        (
            [LEAD, replace(OWNER, evidence="f" * 64)],
            "is for package dddddddddddd on evidence ffffffffffff, but this is",
        ),
        ([LEAD, replace(OWNER, user="ada")], "answered as 'tech_lead' and as 'business_owner'"),
        ([LEAD, replace(OWNER, user="Ada")], "answered as 'tech_lead' and as 'business_owner'"),
    ],
    ids=[
        "none",
        "one",
        "night",
        "use case",
        "rejected",
        "package",
        "evidence",
        "one person",
        "one person, two spellings",
    ],
)
def test_anything_short_of_two_approvals_refuses(engine: sa.Engine, given: list[Approval], message: str) -> None:
    for approval in given:
        approvals.record(engine, KEY, approval)
    with pytest.raises(ApprovalError, match=message):
        check(engine)


@pytest.mark.parametrize(
    "signature", ["", "0" * 64, approvals.sign(b"x" * 32, OWNER), approvals.sign(KEY, replace(OWNER, digest="f" * 64))]
)
def test_a_row_without_our_signature_refuses(engine: sa.Engine, signature: str) -> None:
    approvals.record(engine, KEY, LEAD)
    forge(engine, OWNER, signature)
    with pytest.raises(ApprovalError, match=r"'bob' as 'business_owner' \(ledger entry 2\) has an invalid signature"):
        check(engine)


def test_a_rejection_told_as_an_approval_refuses(engine: sa.Engine) -> None:
    approvals.record(engine, KEY, LEAD)
    forge(engine, OWNER, approvals.sign(KEY, replace(OWNER, choice="rejected")))
    with pytest.raises(ApprovalError, match="has an invalid signature"):
        check(engine)


def test_the_same_answer_twice_is_one_entry(engine: sa.Engine) -> None:
    assert approvals.record(engine, KEY, LEAD) == approvals.record(engine, KEY, LEAD)


def test_a_role_cannot_change_its_answer(engine: sa.Engine) -> None:
    approvals.record(engine, KEY, replace(LEAD, choice="rejected"))
    with pytest.raises(LedgerError, match="Entries are never rewritten"):
        approvals.record(engine, KEY, LEAD)


def test_no_roles_is_no_approval(engine: sa.Engine) -> None:
    with pytest.raises(ApprovalError, match="at least one role"):
        approvals.check(engine, KEY, "taxi", NIGHT, "d" * 64, "e" * 64, ())


@pytest.mark.parametrize("change", [{"choice": "maybe"}, {"user": ""}, {"evidence": ""}])
def test_an_answer_that_does_not_say_everything_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ApprovalError, match="an answer"):
        replace(LEAD, **change)


def test_the_key_is_read_from_the_secrets(settings: Settings) -> None:
    settings.secrets.mkdir()
    (settings.secrets / "approval.key").write_bytes(KEY + b"\n")
    assert approvals.load_key(settings) == KEY


@pytest.mark.parametrize(("content", "message"), [(None, "but there is none"), (b"short", "should have 32 bytes")])
def test_a_missing_or_short_key_is_a_matter_of_setup(settings: Settings, content: bytes | None, message: str) -> None:
    settings.secrets.mkdir()
    if content is not None:
        (settings.secrets / "approval.key").write_bytes(content)
    with pytest.raises(SetupError, match=message):
        approvals.load_key(settings)
