"""Find the challenger that waits for approval, and who must approve it. Approvals are given in Airflow."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from ml.governance import ledger_entries
from ml.governance.checks import Check, CheckStatus
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import (
    AcceptanceTested,
    ApprovalRecord,
    EntryKind,
    GateOverridden,
    StoredInterval,
    Verdict,
)
from ml.promotion.gate import Outcome
from ml.rollout.state import RolloutState
from ml.usecase import UseCase

KINDS = frozenset(
    {
        EntryKind.JUDGED,
        EntryKind.JUDGED_AGAIN,
        EntryKind.GATE_OVERRIDDEN,
        EntryKind.ACCEPTANCE_TESTED,
        EntryKind.APPROVED,
    }
)
_ENDING_KINDS = (
    EntryKind.PROMOTED,
    EntryKind.TRAFFIC_SHIFTED,
    EntryKind.REJECTED,
    EntryKind.ABORTED,
    EntryKind.ROLLED_BACK,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """A check of the gate or of the acceptance tests, as recorded in the ledger."""

    source: str
    name: str
    value: float | None
    bar: str
    answer: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingRelease:
    """A challenger that may be released once it is approved.

    `is_requested` says that only the approvals are missing. Otherwise `waits_for` names the next step. `champion` is
    the model that it was compared with, and `gain` is (gain over the champion, lower bound, upper bound).
    """

    night: date | None
    digest: str
    is_requested: bool
    approved: tuple[str, ...]
    missing: tuple[str, ...]
    waits_for: str
    champion: str | None
    reason: str
    gain: tuple[float, float, float] | None
    checks: tuple["CheckResult", ...]


def find(case: UseCase, entries: Sequence[Entry], rollout: RolloutState, today: date) -> PendingRelease | None:
    """Return the challenger that waits for approval; None if there is none. `entries` are one use case's, in order.

    A challenger that was compared with a former champion is not returned, because it cannot be released.
    """
    judged = _promotable_verdict(entries, today)
    if judged is None:
        return None
    verdict = ledger_entries.read(judged, Verdict)
    if verdict.champion != rollout.champion:
        return None
    after = [each for each in entries if each.seq > judged.seq and each.subject == judged.subject]
    if any(each.kind in _ENDING_KINDS for each in after):
        return None
    acceptance_tests = [
        ledger_entries.read(each, AcceptanceTested) for each in after if each.kind == EntryKind.ACCEPTANCE_TESTED
    ]
    waits_for = _blocked_by(case, acceptance_tests, after, rollout)
    approved = _approved(after)
    return PendingRelease(
        night=judged.night,
        digest=judged.subject,
        is_requested=waits_for is None,
        approved=tuple(role for role in case.release.approvers if role in approved),
        missing=tuple(role for role in case.release.approvers if role not in approved),
        waits_for=waits_for or "the release to continue",
        champion=verdict.champion,
        reason=verdict.reason,
        gain=_gain(verdict.gain),
        checks=(
            *check_results("gate", verdict.checks),
            *(check for tested in acceptance_tests[-1:] for check in check_results("acceptance tests", tested.checks)),
        ),
    )


def _gain(stored: StoredInterval | None) -> tuple[float, float, float] | None:
    if stored is None or stored.value is None or stored.low is None or stored.high is None:
        return None
    return stored.value, stored.low, stored.high


def check_results(source: str, checks: Iterable[Check]) -> Iterator[CheckResult]:
    """Yield the results of `checks`, which were made by `source`, as the pages show them."""
    for each in checks:
        yield CheckResult(source=source, name=each.name, value=each.value, bar=each.bar, answer=each.status)


def _promotable_verdict(entries: Sequence[Entry], today: date) -> Entry | None:
    """Return the latest verdict if it, or a valid override of it, allows the release of its challenger.

    Otherwise the latest verdict on an undecided challenger that was judged again.
    """
    again = next((each for each in reversed(entries) if each.kind == EntryKind.JUDGED_AGAIN), None)
    judged = next((each for each in reversed(entries) if each.kind == EntryKind.JUDGED), None)
    if judged is None:
        return None
    is_overridden = any(
        each.kind == EntryKind.GATE_OVERRIDDEN
        and (each.subject, each.night) == (judged.subject, judged.night)
        and ledger_entries.read(each, GateOverridden).until >= today
        for each in entries
    )
    return judged if is_overridden or ledger_entries.read(judged, Verdict).outcome == Outcome.PROMOTE else again


def _blocked_by(
    case: UseCase, acceptance_tests: Sequence[AcceptanceTested], after: Sequence[Entry], rollout: RolloutState
) -> str | None:
    """Return the step that must happen before the approvals are requested; None if all are done."""
    if not acceptance_tests:
        return "its acceptance tests"
    if acceptance_tests[-1].outcome != CheckStatus.PASS:
        return "a new package, because it failed its acceptance tests"
    has_canary = case.release.canary is not None and rollout.champion is not None
    if (
        has_canary
        and case.release.min_shadow_rows
        and not any(each.kind == EntryKind.SHADOW_REVIEWED for each in after)
    ):
        return f"{case.release.min_shadow_rows} shadow answers"
    return None


def _approved(after: Sequence[Entry]) -> set[str]:
    """Return the roles that approved since the last review of the shadow; earlier approvals are for older evidence."""
    reviewed = max((each.seq for each in after if each.kind == EntryKind.SHADOW_REVIEWED), default=0)
    return {
        ledger_entries.read(each, ApprovalRecord).role
        for each in after
        if each.kind == EntryKind.APPROVED and each.seq > reviewed
    }
