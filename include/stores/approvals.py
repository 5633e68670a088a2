"""Approvals: signed ledger entries, bound to the digests of the package and of the evidence that the approver saw."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Literal, get_args

import sqlalchemy as sa

from include.settings import Settings
from include.stores import ledger
from ml.errors import ApprovalError, SetupError
from ml.governance import hash_chain, ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import ApprovalRecord, EntryKind

Choice = Literal["approved", "rejected"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
KINDS = tuple(map(EntryKind, CHOICES))
Answer = tuple[Entry, ApprovalRecord]
KEY_FILE = "approval.key"
MIN_KEY_BYTES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """The answer of one person, in one role, about one package and its evidence."""

    use_case: str
    night: date
    role: str
    user: str
    choice: Choice
    digest: str
    evidence: str

    def __post_init__(self) -> None:
        if self.choice not in CHOICES:
            raise ApprovalError(f"an answer is one of {', '.join(CHOICES)}, got {self.choice!r}")
        if not (self.role and self.user and self.digest and self.evidence):
            raise ApprovalError(f"an answer needs a role, user, package digest and evidence digest, got {self}")


def load_key(settings: Settings) -> bytes:
    """Return the key that signs approvals; raises SetupError when it does not exist or is too short."""
    path = settings.secrets / KEY_FILE
    if not path.is_file():
        raise SetupError(
            f"expected the key that signs approvals in {path}, but there is none; run the set-up (`make run` does)"
        )
    key = path.read_bytes().strip()
    if len(key) < MIN_KEY_BYTES:
        raise SetupError(
            f"the key in {path} should have {MIN_KEY_BYTES} bytes or more, but has {len(key)}; create a new one"
        )
    return key


def sign(key: bytes, approval: Approval) -> str:
    """Return the HMAC-SHA256 of every field of `approval`, as hexadecimal digits."""
    fields = asdict(approval) | {"night": approval.night.isoformat()}
    return hmac.new(key, hash_chain.canonical_json(fields).encode(), hashlib.sha256).hexdigest()


def record(engine: sa.Engine, key: bytes, approval: Approval) -> Entry:
    """Sign `approval`, append it to the ledger and return the entry; the same answer twice is one entry.

    Raises LedgerError when this role has already given another answer for the same package and evidence.
    """
    identity = (approval.use_case, approval.night, approval.digest, approval.evidence, approval.role)
    return ledger.append(
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
            signature=sign(key, approval),
        ),
        key="/".join(("approval", *map(str, identity))),
    )


def check(
    engine: sa.Engine,
    key: bytes,
    use_case: str,
    night: date,
    digest: str,
    evidence: str,
    roles: Iterable[str],
) -> tuple[Approval, ...]:
    """Return one valid approval for each of `roles`, each by a different person.

    Raises ApprovalError when an approval is missing, rejected, forged, or for another package or other evidence, and
    when one person answered for two roles.
    """
    answers = [
        (entry, ledger_entries.read(entry, ApprovalRecord))
        for entry in ledger.entries_of_kinds(engine, use_case, KINDS)
        if entry.night == night
    ]
    approvals = tuple(_find_approval(key, answers, role, digest, evidence) for role in roles)
    if not approvals:
        raise ApprovalError(f"a promotion of {use_case!r} needs at least one role to approve it, but no role was given")
    users: dict[str, str] = {}
    for approval in approvals:
        person = approval.user.casefold()
        if person in users:
            raise ApprovalError(
                f"{approval.user!r} answered as {users[person]!r} and as {approval.role!r}, but a release needs "
                "different people; ask a second person and release again"
            )
        users[person] = approval.role
    return approvals


def _find_approval(key: bytes, answers: list[Answer], role: str, digest: str, evidence: str) -> Approval:
    given = [(entry, answer) for entry, answer in answers if answer.role == role]
    matching = [(entry, answer) for entry, answer in given if (entry.subject, answer.evidence) == (digest, evidence)]
    if not matching:
        raise ApprovalError(_missing_message(role, given, digest, evidence))
    approvals = [_verify(key, entry, answer) for entry, answer in matching]
    for approval in approvals:
        if approval.choice != "approved":
            raise ApprovalError(f"{approval.user!r} rejected package {digest[:12]} as {role!r}; it is not promoted")
    return approvals[-1]


def _missing_message(role: str, given: list[Answer], digest: str, evidence: str) -> str:
    if not given:
        return f"the approval of {role!r} is missing for package {digest[:12]}; ask for it: no answer is no approval"
    entry, answer = given[-1]
    return (
        f"the approval of {role!r} is for package {entry.subject[:12]} on evidence {answer.evidence[:12]}, but this is "
        f"package {digest[:12]} on evidence {evidence[:12]}; ask for an approval of these"
    )


def _verify(key: bytes, entry: Entry, answer: ApprovalRecord) -> Approval:
    choice: Choice = "approved" if entry.kind == answer.choice == EntryKind.APPROVED else "rejected"
    approval = Approval(
        use_case=entry.use_case,
        night=entry.night or date.min,
        role=answer.role,
        user=answer.user,
        choice=choice,
        digest=entry.subject,
        evidence=answer.evidence,
    )
    if not hmac.compare_digest(sign(key, approval), answer.signature):
        raise ApprovalError(
            f"the answer of {answer.user!r} as {answer.role!r} (ledger entry {entry.seq}) has an invalid signature: "
            "it was forged, changed, or signed with another key. Nothing is promoted; find out who wrote to the ledger"
        )
    return approval
