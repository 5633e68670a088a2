"""Who is waited for, by what the ledger says of the latest challenger."""

from dataclasses import replace
from datetime import date

import pytest

from include.dashboard import pending_approvals
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import RELEASE_KINDS, EntryKind, StoredInterval
from ml.rollout import state
from ml.usecase import UseCase
from tests.include.dashboard.conftest import CHAMPION, LAST, LATENCY, NEXT, OLD, entry, judged

PROMOTED = entry(EntryKind.PROMOTED, LAST, CHAMPION)
EARNED = judged(LAST, NEXT, "promote", CHAMPION)
KEPT = judged(LAST, NEXT, "keep", CHAMPION)
TESTED = entry(EntryKind.ACCEPTANCE_TESTED, LAST, NEXT, outcome="pass")
FAILED = entry(EntryKind.ACCEPTANCE_TESTED, LAST, NEXT, outcome="fail")
SEEN = entry(EntryKind.SHADOW_REVIEWED, LAST, NEXT)
LEAD = entry(EntryKind.APPROVED, LAST, NEXT, role="tech_lead")
OWNER = entry(EntryKind.APPROVED, LAST, NEXT, role="business_owner")
OVERRIDDEN = entry(EntryKind.GATE_OVERRIDDEN, LAST, NEXT, until=LAST)
RUN_OUT = entry(EntryKind.GATE_OVERRIDDEN, LAST, NEXT, until=date(2013, 12, 30))
OUTDATED = judged(LAST, NEXT, "promote", OLD)


def result(case: UseCase, *reported: Entry) -> pending_approvals.PendingRelease | None:
    entries = [replace(each, seq=place) for place, each in enumerate((PROMOTED, *reported), start=1)]
    events = [each for each in entries if each.kind in RELEASE_KINDS]
    return pending_approvals.find(case, entries, state.replay_events(case.name, events), LAST)


@pytest.mark.parametrize(
    "reported",
    [
        pytest.param((), id="nothing was judged"),
        pytest.param((KEPT,), id="the champion was kept"),
        pytest.param((KEPT, RUN_OUT, TESTED), id="the override has run out"),
        pytest.param((OUTDATED, TESTED), id="it met another champion"),
        pytest.param((EARNED, TESTED, SEEN, entry(EntryKind.REJECTED, LAST, NEXT)), id="it was rejected"),
        pytest.param((EARNED, entry(EntryKind.ABORTED, LAST, NEXT)), id="it was withdrawn"),
        pytest.param((EARNED, entry(EntryKind.PROMOTED, LAST, NEXT)), id="it is champion"),
        pytest.param(
            (EARNED, entry(EntryKind.TRAFFIC_SHIFTED, LAST, NEXT, share=0.05, trained_night=LAST)), id="it was let in"
        ),
    ],
)
def test_nobody_is_waited_for(case: UseCase, reported: tuple[Entry, ...]) -> None:
    assert result(case, *reported) is None


@pytest.mark.parametrize(
    ("reported", "waits_for"),
    [
        pytest.param((EARNED,), "its acceptance tests", id="not tried yet"),
        pytest.param((EARNED, FAILED), "a new package", id="it failed"),
        pytest.param((EARNED, TESTED), "shadow answers", id="not seen yet"),
    ],
)
def test_before_people_are_asked_it_is_told_what_must_happen(
    case: UseCase, reported: tuple[Entry, ...], waits_for: str
) -> None:
    waiting = result(case, *reported)
    assert waiting is not None
    assert not waiting.is_requested
    assert waits_for in waiting.waits_for


@pytest.mark.parametrize(
    ("reported", "lacking"),
    [
        pytest.param((EARNED, TESTED, SEEN), ("tech_lead", "business_owner"), id="nobody has answered"),
        pytest.param((EARNED, TESTED, SEEN, LEAD), ("business_owner",), id="one has"),
        pytest.param((EARNED, TESTED, LEAD, SEEN), ("tech_lead", "business_owner"), id="one had, on other evidence"),
        pytest.param((EARNED, TESTED, SEEN, LEAD, OWNER), (), id="both have"),
        pytest.param((KEPT, OVERRIDDEN, TESTED, SEEN, OWNER), ("tech_lead",), id="the gate was overridden"),
    ],
)
def test_those_who_have_not_answered_are_waited_for(
    case: UseCase, reported: tuple[Entry, ...], lacking: tuple[str, ...]
) -> None:
    waiting = result(case, *reported)
    assert waiting is not None
    assert waiting.is_requested
    assert waiting.missing == lacking


def test_it_comes_with_what_it_earned_its_release_by(case: UseCase) -> None:
    waiting = result(case, EARNED, FAILED, entry(EntryKind.ACCEPTANCE_TESTED, LAST, NEXT, checks=(LATENCY,)), SEEN)
    assert waiting is not None
    assert (waiting.champion, waiting.gain, waiting.reason) == (CHAMPION, (0.01, 0.002, 0.018), "it had to be so")
    assert [(each.source, each.name, each.value, each.answer) for each in waiting.checks] == [
        ("gate", "log loss", 0.51, "pass"),
        ("acceptance tests", "p99", None, "pass"),
    ]


def test_a_gain_without_a_bound_is_not_shown(case: UseCase) -> None:
    gain = StoredInterval(value=0.01, low=None, high=None)
    waiting = result(case, entry(EntryKind.JUDGED, LAST, NEXT, champion=CHAMPION, gain=gain))
    assert waiting is not None
    assert waiting.gain is None
