"""Who is waited for, by what the ledger says of the latest challenger."""

from dataclasses import replace

import pytest

from include.dashboard import pending_approvals
from ml.governance.hash_chain import Entry
from ml.rollout import state
from ml.rollout.state import ReleaseEvent
from ml.usecase import UseCase
from tests.include.dashboard.conftest import CHAMPION, LAST, NEXT, OLD, entry, judged

PROMOTED = entry(ReleaseEvent.PROMOTED, LAST, CHAMPION)
EARNED = judged(LAST, NEXT, "promote", CHAMPION)
KEPT = judged(LAST, NEXT, "keep", CHAMPION)
TESTED = entry("tested", LAST, NEXT, outcome="pass")
FAILED = entry("tested", LAST, NEXT, outcome="fail")
SEEN = entry(ReleaseEvent.SHADOW_REVIEWED, LAST, NEXT)
LEAD = entry("approved", LAST, NEXT, role="tech_lead")
OWNER = entry("approved", LAST, NEXT, role="business_owner")
OVERRIDDEN = entry("overridden", LAST, NEXT, until=str(LAST))
RUN_OUT = entry("overridden", LAST, NEXT, until="2013-12-30")
OUTDATED = judged(LAST, NEXT, "promote", OLD)


def found(case: UseCase, *told: Entry) -> pending_approvals.PendingRelease | None:
    entries = [replace(each, seq=place) for place, each in enumerate((PROMOTED, *told), start=1)]
    kinds = set(ReleaseEvent)
    return pending_approvals.find(
        case, entries, state.replay_events(case.name, [each for each in entries if each.kind in kinds]), LAST
    )


@pytest.mark.parametrize(
    "told",
    [
        pytest.param((), id="nothing was judged"),
        pytest.param((KEPT,), id="the champion was kept"),
        pytest.param((KEPT, RUN_OUT, TESTED), id="the override has run out"),
        pytest.param((OUTDATED, TESTED), id="it met another champion"),
        pytest.param((EARNED, TESTED, SEEN, entry(ReleaseEvent.REJECTED, LAST, NEXT)), id="it was rejected"),
        pytest.param((EARNED, entry(ReleaseEvent.ABORTED, LAST, NEXT)), id="it was withdrawn"),
        pytest.param((EARNED, entry(ReleaseEvent.PROMOTED, LAST, NEXT)), id="it is champion"),
        pytest.param(
            (EARNED, entry(ReleaseEvent.TRAFFIC_SHIFTED, LAST, NEXT, share=0.05, trained=str(LAST))), id="it was let in"
        ),
    ],
)
def test_nobody_is_waited_for(case: UseCase, told: tuple[Entry, ...]) -> None:
    assert found(case, *told) is None


@pytest.mark.parametrize(
    ("told", "waits_for"),
    [
        pytest.param((EARNED,), "its battery", id="not tried yet"),
        pytest.param((EARNED, FAILED), "another package", id="it failed"),
        pytest.param((EARNED, TESTED), "answers as a shadow", id="not seen yet"),
    ],
)
def test_before_people_are_asked_it_is_told_what_must_happen(
    case: UseCase, told: tuple[Entry, ...], waits_for: str
) -> None:
    waiting = found(case, *told)
    assert waiting is not None
    assert not waiting.is_requested
    assert waits_for in waiting.waits_for


@pytest.mark.parametrize(
    ("told", "lacking"),
    [
        pytest.param((EARNED, TESTED, SEEN), ("tech_lead", "business_owner"), id="nobody has answered"),
        pytest.param((EARNED, TESTED, SEEN, LEAD), ("business_owner",), id="one has"),
        pytest.param((EARNED, TESTED, LEAD, SEEN), ("tech_lead", "business_owner"), id="one had, on other evidence"),
        pytest.param((EARNED, TESTED, SEEN, LEAD, OWNER), (), id="both have"),
        pytest.param((KEPT, OVERRIDDEN, TESTED, SEEN, OWNER), ("tech_lead",), id="the gate was overridden"),
    ],
)
def test_those_who_have_not_answered_are_waited_for(
    case: UseCase, told: tuple[Entry, ...], lacking: tuple[str, ...]
) -> None:
    waiting = found(case, *told)
    assert waiting is not None
    assert waiting.is_requested
    assert waiting.missing == lacking


def test_it_comes_with_what_it_earned_its_release_by(case: UseCase) -> None:
    check = {"name": "p99", "value": None, "bar": "at most 10 ms", "answer": "pass", "more": "is left out"}
    waiting = found(case, EARNED, FAILED, entry("tested", LAST, NEXT, outcome="pass", checks=[check]), SEEN)
    assert waiting is not None
    assert (waiting.champion, waiting.gain, waiting.reason) == (CHAMPION, (0.01, 0.002, 0.018), "it had to be so")
    assert [(each.source, each.name, each.value) for each in waiting.checks] == [
        ("gate", "log loss", 0.51),
        ("battery", "p99", None),
    ]
