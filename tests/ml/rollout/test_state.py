"""Where a release stands is what its entries say, one after another, and nothing else."""

from datetime import UTC, date, datetime, timedelta

import pytest

from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind
from ml.rollout import state
from ml.rollout.routing import Route
from ml.rollout.state import RolloutState

START = datetime(2024, 3, 1, tzinfo=UTC)


def entry(seq: int, kind: str, subject: str, **payload: object) -> Entry:
    reported = {"trained_night": "2024-03-01", "who": "tess", "why": "a test", **payload}
    return Entry(
        kind=kind,
        use_case="taxi",
        night=date(2024, 3, 1) + timedelta(days=seq),
        subject=subject,
        payload=reported,
        recorded_at=START + timedelta(hours=seq),
        key=str(seq),
        seq=seq,
    )


def story(*events: tuple[str, str] | tuple[str, str, dict[str, object]]) -> RolloutState:
    """Return where one entry after another leads."""
    entries = [entry(n, each[0], each[1], **(each[2] if len(each) > 2 else {})) for n, each in enumerate(events, 1)]
    return state.replay_events("taxi", entries)


FIRST, SECOND = (EntryKind.PROMOTED, "a"), (EntryKind.PROMOTED, "b")


@pytest.mark.parametrize(
    ("events", "champion", "standby"),
    [
        pytest.param([], None, None, id="nothing yet"),
        pytest.param([FIRST], "a", None, id="the first"),
        pytest.param([FIRST, SECOND], "b", "a", id="the second has one to go back to"),
        pytest.param([FIRST, SECOND, (EntryKind.ROLLED_BACK, "a", {"from_package": "b"})], "a", None, id="rolled back, and nobody is left"),
        pytest.param([FIRST, SECOND, (EntryKind.ROLLED_BACK, "a", {"from_package": "b"}), (EntryKind.PROMOTED, "c")], "c", "a", id="not the one rolled back from, but the last good"),
        pytest.param([FIRST, SECOND, (EntryKind.ROLLED_BACK, "a", {"from_package": "b"}), SECOND, (EntryKind.PROMOTED, "c")], "c", "b", id="let in again it is good again"),
        pytest.param([FIRST, SECOND, (EntryKind.PROMOTED, "c"), (EntryKind.ROLLED_BACK, "b", {"from_package": "c"})], "b", "a", id="back once more is possible"),
    ],
)  # fmt: skip
def test_who_reigns_and_whom_to_go_back_to(
    events: list[tuple[str, str]], champion: str | None, standby: str | None
) -> None:
    stood = story(*events)
    assert (stood.champion, stood.standby) == (champion, standby)


SHADOW = (EntryKind.SHADOW_STARTED, "n")
FIVE, QUARTER = (
    (EntryKind.TRAFFIC_SHIFTED, "n", {"share": 0.05}),
    (EntryKind.TRAFFIC_SHIFTED, "n", {"share": 0.25}),
)


@pytest.mark.parametrize(
    ("events", "share"),
    [
        pytest.param([FIRST], None, id="nobody under way"),
        pytest.param([FIRST, SHADOW], 0.0, id="a shadow"),
        pytest.param([FIRST, SHADOW, (EntryKind.SHADOW_REVIEWED, "n"), (EntryKind.APPROVED, "n")], 0.0, id="seen, and approved, it is a shadow still"),
        pytest.param([FIRST, SHADOW, FIVE], 0.05, id="the first share"),
        pytest.param([FIRST, SHADOW, FIVE, (EntryKind.STAGE_PASSED, "n"), QUARTER], 0.25, id="the next share"),
        pytest.param([FIRST, FIVE], 0.05, id="a share without a shadow"),
        pytest.param([FIRST, SHADOW, (EntryKind.REJECTED, "n")], None, id="rejected"),
        pytest.param([FIRST, SHADOW, FIVE, (EntryKind.ABORTED, "n")], None, id="withdrawn"),
        pytest.param([FIRST, SHADOW, (EntryKind.REJECTED, "another")], 0.0, id="another one was rejected"),
        pytest.param([FIRST, SHADOW, FIVE, (EntryKind.PROMOTED, "n")], None, id="promoted"),
        pytest.param([FIRST, SECOND, SHADOW, (EntryKind.ROLLED_BACK, "a", {"from_package": "b"})], None, id="a rollback of the champion ends it"),
    ],
)  # fmt: skip
def test_how_far_a_challenger_has_come(events: list[tuple[str, str]], share: float | None) -> None:
    trial = story(*events).challenger
    assert (None if trial is None else trial.share) == share


def test_each_stage_says_when_it_began() -> None:
    trial = story(FIRST, SHADOW, FIVE, QUARTER).challenger
    assert trial is not None
    assert [(each.share, each.night) for each in trial.stages] == [
        (0.0, date(2024, 3, 3)),
        (0.05, date(2024, 3, 4)),
        (0.25, date(2024, 3, 5)),
    ]
    assert [each.started_at for each in trial.stages] == [START + timedelta(hours=n) for n in (2, 3, 4)]
    assert trial.night == date(2024, 3, 1)


def test_the_routing_is_that_of_the_standing() -> None:
    stood = story(FIRST, SECOND, SHADOW, FIVE)
    routing = stood.routing
    assert routing is not None
    assert routing.packages == ("b", "n", "a")
    assert (routing.canary, routing.shadow, routing.release, routing.seq) == (0.05, True, "3", 4)
    before = story(FIRST, SECOND, SHADOW).routing
    assert before is not None
    assert {before.route(f"e{n}") for n in range(500)} == {Route.CHAMPION}


def test_before_the_first_champion_nobody_answers() -> None:
    assert story(SHADOW).routing is None


@pytest.mark.parametrize(("share", "following"), [(0.0, 0.05), (0.05, 0.25), (0.25, 1.0), (1.0, None)])
def test_shares_follow_one_another(share: float, following: float | None) -> None:
    assert state.next_share((0.05, 0.25, 1.0), share) == following


def freeze(seq: int, first: int, last: int) -> Entry:
    """Return a freeze from one hour after the start until another."""
    begins, ends = ((START + timedelta(hours=hours)).isoformat() for hours in (first, last))
    return entry(seq, EntryKind.FROZEN, "taxi", since=begins, until=ends)


@pytest.mark.parametrize(
    ("hour", "entries", "held"),
    [
        pytest.param(5, [], None, id="nothing declared"),
        pytest.param(5, [freeze(1, 4, 6)], 1, id="within"),
        pytest.param(4, [freeze(1, 4, 6)], 1, id="as it begins"),
        pytest.param(6, [freeze(1, 4, 6)], None, id="as it ends"),
        pytest.param(3, [freeze(1, 4, 6)], None, id="before"),
        pytest.param(5, [freeze(1, 4, 6), freeze(2, 0, 9)], 2, id="the one that lasts longest"),
        pytest.param(5, [freeze(1, 4, 6), entry(2, EntryKind.UNFROZEN, "1")], None, id="ended by a person"),
        pytest.param(
            5, [freeze(1, 4, 6), freeze(2, 0, 9), entry(3, EntryKind.UNFROZEN, "2")], 1, id="another one was ended"
        ),
    ],
)
def test_a_freeze_holds_from_its_beginning_to_its_end(hour: int, entries: list[Entry], held: int | None) -> None:
    result = state.active_freeze(entries, START + timedelta(hours=hour))
    assert (None if result is None else result.seq) == held
