"""Which challenger waits for people, and for whom: the question itself is asked and answered in Airflow."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from ml.governance.hash_chain import Entry
from ml.promotion.gate import Outcome
from ml.rollout.state import ReleaseEvent, RolloutState
from ml.usecase import UseCase

_APPROVED, _TESTED, _OVERRIDDEN = "approved", "tested", "overridden"
KINDS = (_APPROVED, _TESTED, _OVERRIDDEN)
_ENDING_KINDS = (
    ReleaseEvent.PROMOTED,
    ReleaseEvent.TRAFFIC_SHIFTED,
    ReleaseEvent.REJECTED,
    ReleaseEvent.ABORTED,
    ReleaseEvent.ROLLED_BACK,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """A check of the gate or of the battery as the ledger has it."""

    source: str
    name: str
    value: float | None
    bar: str
    answer: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingRelease:
    """A challenger that earned a release and that people have yet to let in; `asked` once they are to answer by now.

    The rest is what it earned it by: the champion that it `met`, its `gain` over that one with the ends of its interval.
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
    """Return the challenger that waits, by the `entries` of a use case in the order of the ledger; None when none does.

    One that met another champion than the one of now waits for nobody: it cannot be released.
    """
    judged = _promotable_verdict(entries, today)
    if judged is None or judged.payload.get("champion") != rollout.champion:
        return None
    after = [each for each in entries if each.seq > judged.seq and each.subject == judged.subject]
    if any(each.kind in _ENDING_KINDS for each in after):
        return None
    waits_for = _blocked_by(case, after, rollout)
    approved = _approved(after)
    return PendingRelease(
        night=judged.night,
        digest=judged.subject,
        is_requested=waits_for is None,
        approved=tuple(role for role in case.release.approvers if role in approved),
        missing=tuple(role for role in case.release.approvers if role not in approved),
        waits_for=waits_for or "the release to go on",
        **_evidence(judged, after),
    )


def _evidence(judged: Entry, after: Sequence[Entry]) -> dict[str, Any]:
    payload: Mapping[str, Any] = judged.payload
    gain, acceptance_tests = payload.get("gain"), [each for each in after if each.kind == _TESTED][-1:]
    return {
        "champion": payload.get("champion"),
        "reason": str(payload.get("reason", "")),
        "gain": (gain["value"], gain["low"], gain["high"]) if gain else None,
        "checks": tuple(check for each in (judged, *acceptance_tests) for check in _check_results(each)),
    }


def _check_results(entry: Entry) -> Iterator[CheckResult]:
    payload: Mapping[str, Any] = entry.payload
    source = "battery" if entry.kind == _TESTED else "gate"
    for each in payload.get("checks", ()):
        yield CheckResult(source=source, **{name: each[name] for name in ("name", "value", "bar", "answer")})


def _promotable_verdict(entries: Sequence[Entry], today: date) -> Entry | None:
    """Return the latest verdict, if by it or by a person's word that still holds its challenger may be released."""
    judged = [each for each in entries if each.kind == "judged"]
    if not judged:
        return None
    overridden = any(
        each.kind == _OVERRIDDEN
        and (each.subject, each.night) == (judged[-1].subject, judged[-1].night)
        and date.fromisoformat(str(each.payload["until"])) >= today
        for each in entries
    )
    return judged[-1] if judged[-1].payload.get("outcome") == Outcome.PROMOTE or overridden else None


def _blocked_by(case: UseCase, after: Sequence[Entry], rollout: RolloutState) -> str | None:
    """Return what must happen before people are asked; None when it has."""
    tested = [each.payload.get("outcome") for each in after if each.kind == _TESTED]
    if not tested:
        return "its battery"
    if tested[-1] != "pass":
        return "another package: it failed its battery"
    has_canary = case.release.canary is not None and rollout.champion is not None
    if (
        has_canary
        and case.release.min_shadow_rows
        and not any(each.kind == ReleaseEvent.SHADOW_REVIEWED for each in after)
    ):
        return f"{case.release.min_shadow_rows} answers as a shadow"
    return None


def _approved(after: Sequence[Entry]) -> set[str]:
    """Return the roles that approved what is known now: an answer given before the shadow was seen is to other evidence."""
    seen = max((each.seq for each in after if each.kind == ReleaseEvent.SHADOW_REVIEWED), default=0)
    return {str(each.payload["role"]) for each in after if each.kind == _APPROVED and each.seq > seen}
