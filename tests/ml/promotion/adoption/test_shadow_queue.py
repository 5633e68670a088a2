"""Who is in the shadow queue, by tables of ledgers; what counts as evidence; and that it errs as rarely as declared."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from ml.governance import ledger_entries
from ml.governance.checks import Check, CheckStatus
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import (
    Aborted,
    AcceptanceTested,
    ApprovalRecord,
    EntryKind,
    Payload,
    Promoted,
    RolledBack,
    Verdict,
)
from ml.promotion.adoption import shadow_queue
from ml.promotion.adoption.evidence import GainSeries
from ml.promotion.adoption.shadow_queue import ChampionTerm, QueuedModel, QueueEvidence, QueueMember, ShadowQueue
from ml.promotion.gate import SHOWN_BETTER, GateRule, Outcome, PromotionVerdict
from ml.statistics.intervals import Interval
from ml.targets import display_names
from ml.usecase import Adoption, Night

DECLARED, NIGHTLY = Adoption(), Night(hour=2, timezone="UTC")
START = date(2024, 1, 1)
PROMOTED = Promoted(approved_by=("ann", "bob"), evidence="e" * 64)
REJECTED = ApprovalRecord(role="tech_lead", user="ann", choice="rejected", evidence="e" * 64, signature="0")

Event = tuple[int, EntryKind, str, Payload]


def day(number: int) -> date:
    return START + timedelta(days=number)


def check(name: str, status: CheckStatus) -> Check:
    return Check(name=name, value=0.0, bar="a bar", status=status)


def undecided(night: int, digest: str, recipe: str, **changes: Any) -> Event:
    verdict = Verdict(outcome="inconclusive", reason="a doubt", rule="change", package=digest, recipe=recipe)
    checks = (check("floor", CheckStatus.PASS), check(SHOWN_BETTER, CheckStatus.INCONCLUSIVE))
    return night, EntryKind.JUDGED, digest, replace(verdict, **{"checks": checks} | changes)


def champion(night: int, digest: str = "c0") -> Event:
    return night, EntryKind.PROMOTED, digest, PROMOTED


def judged_champion(digest: str, recipe: str) -> Event:
    return 0, EntryKind.JUDGED, digest, Verdict(outcome="promote", reason="better", recipe=recipe, package=digest)


def fold(events: Sequence[Event], night: int, previous: str | None = None, **declared: Any) -> ShadowQueue | None:
    entries = [
        Entry(
            kind=str(kind),
            use_case="taxi",
            night=day(number),
            subject=digest,
            payload=ledger_entries.encode(kind, payload),
            recorded_at=datetime(2024, 9, 1, tzinfo=UTC),
            key=str(seq),
            seq=seq,
        )
        for seq, (number, kind, digest, payload) in enumerate(events, start=1)
    ]
    return shadow_queue.fold(entries, previous, day(night), replace(DECLARED, **declared), NIGHTLY)


def newest(queue: ShadowQueue | None) -> dict[str | None, str]:
    return {each.recipe: each.newest.digest for each in queue.members} if queue else {}


TREES, NETS, LINES, RULES = (
    undecided(10 + n, f"m{n}", name) for n, name in enumerate(("trees", "nets", "lines", "rules"))
)
FAILED = (check("slice zone=east", CheckStatus.FAIL), check(SHOWN_BETTER, CheckStatus.INCONCLUSIVE))
TESTS_FAIL = AcceptanceTested(outcome="fail", checks=())


@pytest.mark.parametrize(
    ("events", "night", "expected"),
    [
        ([TREES], 20, {}),
        ([champion(5), TREES], 10, {}),
        ([champion(5), TREES], 11, {"trees": "m0"}),
        ([champion(5), TREES], 94, {"trees": "m0"}),
        ([champion(5), TREES], 95, {}),
        ([champion(5), TREES, undecided(24, "m9", "trees")], 30, {"trees": "m9"}),
        ([champion(5), TREES, undecided(24, "m9", "trees")], 20, {"trees": "m0"}),
        ([champion(5), TREES, undecided(24, "m9", "trees")], 95, {}),
        ([champion(5), TREES, undecided(95, "m9", "trees")], 96, {"trees": "m9"}),
        ([champion(5), TREES, NETS, LINES, RULES], 20, {"nets": "m1", "lines": "m2", "rules": "m3"}),
        ([champion(5), undecided(10, "m0", "trees", rule="refresh")], 20, {}),
        ([champion(5), undecided(10, "m0", "trees", rule="bootstrap")], 20, {}),
        ([champion(5), undecided(10, "m0", "trees", outcome="keep")], 20, {}),
        ([champion(5), undecided(10, "m0", "trees", outcome="unevaluable")], 20, {}),
        ([champion(5), undecided(10, "m0", "trees", package=None)], 20, {}),
        ([champion(5), undecided(10, "m0", "trees", checks=FAILED)], 20, {}),
        ([judged_champion("c0", "trees"), champion(5), TREES, NETS], 20, {"nets": "m1"}),
        ([judged_champion("c1", "nets"), champion(5), TREES, NETS, champion(15, "c1")], 20, {"trees": "m0"}),
        ([champion(5), TREES, champion(15, "m0")], 20, {}),
        ([champion(5), TREES, (10, EntryKind.REJECTED, "m0", REJECTED)], 20, {}),
        ([champion(5), TREES, (12, EntryKind.ABORTED, "m0", Aborted(who="ann", why="a test"))], 20, {}),
        ([champion(5), TREES, (10, EntryKind.ACCEPTANCE_TESTED, "m0", TESTS_FAIL)], 20, {}),
        (
            [champion(5), TREES, (10, EntryKind.ACCEPTANCE_TESTED, "m0", replace(TESTS_FAIL, outcome="pass"))],
            20,
            {"trees": "m0"},
        ),
        (
            [champion(5), TREES, (10, EntryKind.REJECTED, "m0", REJECTED), undecided(24, "m9", "trees")],
            30,
            {"trees": "m9"},
        ),
        (
            [champion(5), TREES, undecided(24, "m9", "trees"), (10, EntryKind.REJECTED, "m0", REJECTED)],
            30,
            {"trees": "m9"},
        ),
        ([champion(5), TREES, undecided(24, "m9", "trees"), (24, EntryKind.REJECTED, "m9", REJECTED)], 30, {}),
    ],
    ids=[
        "no champion",
        "not before its verdict",
        "from the night after its verdict",
        "84 nights long",
        "dropped after 84 nights",
        "superseded by a newer one of the recipe",
        "not yet superseded",
        "a newer one does not prolong the stay",
        "one after the stay begins another",
        "at most three, the newest",
        "a refresh",
        "a first model",
        "refused",
        "no champion to compare with",
        "no package",
        "a check failed",
        "of the champion's recipe",
        "its recipe became the champion's",
        "it became champion",
        "rejected",
        "aborted",
        "failed its acceptance tests",
        "passed its acceptance tests",
        "rejected before a newer one came",
        "rejected after a newer one came",
        "the newest was rejected",
    ],
)
def test_who_is_in_the_queue(events: list[Event], night: int, expected: dict[str, str]) -> None:
    assert newest(fold(events, night)) == expected


def test_without_places_there_is_no_queue() -> None:
    assert fold([champion(5), TREES], 20, queue=0) is None


BACK = RolledBack(who="the guard", why="worse", from_package="c1")
OF_LINES = [judged_champion("c0", "lines"), judged_champion("c1", "lines"), judged_champion("c2", "nets")]


@pytest.mark.parametrize(
    ("judged", "changes", "terms"),
    [
        (OF_LINES, [champion(30, "c1")], [(5, "c0"), (30, "c1")]),
        (OF_LINES, [champion(30, "c2")], [(30, "c2")]),
        (OF_LINES, [champion(30, "c2"), champion(40, "c1")], [(40, "c1")]),
        (OF_LINES, [champion(30, "c1"), (40, EntryKind.ROLLED_BACK, "c0", BACK)], [(40, "c0")]),
        (OF_LINES, [(30, EntryKind.ROLLED_BACK, "c0", BACK), champion(40, "c1")], [(30, "c0"), (40, "c1")]),
        ([], [champion(30, "c1")], [(30, "c1")]),
    ],
    ids=["a refresh", "a change", "a change back", "a rollback", "a refresh after a rollback", "an unknown recipe"],
)
def test_evidence_goes_on_with_a_refresh_and_begins_anew_with_another_champion(
    judged: list[Event], changes: list[Event], terms: list[tuple[int, str]]
) -> None:
    queue = fold([*judged, champion(5), TREES, *changes], 60)
    assert queue is not None
    assert [(each.since, each.digest) for each in queue.terms] == [(day(number), digest) for number, digest in terms]
    assert queue.champion == terms[-1][1]
    assert queue.members[0].counted(queue.since) == ((max(day(10), day(terms[0][0])), "m0"),)


def test_each_block_is_compared_with_the_champion_that_answered_when_it_began() -> None:
    queue = fold([*OF_LINES, champion(5), TREES, champion(20, "c1")], 40)
    assert queue is not None
    gains = Gains()
    shadow_queue.measure(queue.members[0], queue, day(40), DECLARED, NIGHTLY, gains)
    assert [(each[0], each[2]) for each in gains.compared] == [("c0", day(11)), ("c0", day(18)), ("c1", day(25))]
    assert shadow_queue.judged_nights(queue.members[0], queue, day(40), NIGHTLY) == (day(25), day(31), day(38))


def test_the_previous_champion_is_compared_for_as_long() -> None:
    events = [champion(5), champion(20, "c1")]
    queue = fold(events, 104, previous="c0")
    assert queue is not None
    assert queue.previous is not None
    assert queue.previous.counted(queue.since) == ((day(20), "c0"),)
    later = fold(events, 105, previous="c0")
    assert later is not None
    assert (later.previous, later.packages) == (None, frozenset())


class Gains:
    """Nightly gains of .05 that note which pairs were compared on which nights, with which labels."""

    def __init__(self) -> None:
        self.compared: list[tuple[str, str, date, date, date]] = []

    def __call__(
        self, champion: str, challenger: str, first: date, last: date, known: date, *, centred: bool = True
    ) -> GainSeries:
        self.compared.append((champion, challenger, first, last, known))
        return GainSeries(loss=np.full(7, 0.05), centred_loss=None)


def test_only_nights_after_the_verdict_count_each_block_once_and_with_the_labels_of_a_fixed_night() -> None:
    queue = fold([champion(5), TREES, undecided(20, "m9", "trees")], 40)
    assert queue is not None
    early, late = Gains(), Gains()
    first = shadow_queue.measure(queue.members[0], queue, day(40), DECLARED, NIGHTLY, early)
    second = shadow_queue.measure(queue.members[0], queue, day(60), DECLARED, NIGHTLY, late)
    assert early.compared == [
        ("c0", "m0", day(11), day(17), day(24)),
        ("c0", "m0", day(18), day(24), day(31)),
        ("c0", "m9", day(25), day(31), day(38)),
    ]
    assert late.compared[:3] == early.compared
    assert (first.nights, second.nights) == (21, 42)
    assert first.value < second.value == second.highest


def test_the_newest_model_is_judged_on_blocks_that_began_after_its_own_verdict() -> None:
    queue = fold([champion(5), TREES, undecided(20, "m9", "trees")], 40)
    assert queue is not None
    spans = [shadow_queue.judged_nights(queue.members[0], queue, day(number), NIGHTLY) for number in (37, 38, 45)]
    assert spans == [None, (day(25), day(31), day(38)), (day(25), day(38), day(45))]


def verdict(shown: CheckStatus, other: CheckStatus) -> PromotionVerdict:
    return PromotionVerdict(
        outcome=Outcome.INCONCLUSIVE,
        rule=GateRule.CHANGE,
        gain=Interval(value=0.01, low=-0.01, high=0.03),
        cost_gain=Interval(value=10.0, low=-5.0, high=25.0),
        rows=700,
        nights=7,
        checks=(check("slice zone=east", other), check(SHOWN_BETTER, shown)),
        display_names=display_names.BINARY,
    )


REACHED, BELOW = (QueueEvidence(since=START, nights=28, value=20.0, highest=each) for each in (40.0, 39.9))


@pytest.mark.parametrize(
    ("measured", "shown", "other", "outcome"),
    [
        (REACHED, CheckStatus.INCONCLUSIVE, CheckStatus.PASS, Outcome.PROMOTE),
        (REACHED, CheckStatus.PASS, CheckStatus.PASS, Outcome.PROMOTE),
        (REACHED, CheckStatus.FAIL, CheckStatus.PASS, Outcome.KEEP),
        (REACHED, CheckStatus.INCONCLUSIVE, CheckStatus.FAIL, Outcome.KEEP),
        (REACHED, CheckStatus.INCONCLUSIVE, CheckStatus.INCONCLUSIVE, Outcome.INCONCLUSIVE),
        (BELOW, CheckStatus.INCONCLUSIVE, CheckStatus.PASS, Outcome.INCONCLUSIVE),
        (BELOW, CheckStatus.PASS, CheckStatus.PASS, Outcome.INCONCLUSIVE),
    ],
    ids=[
        "by the evidence",
        "by both",
        "no gain on its nights",
        "another check failed",
        "another check is open",
        "evidence below the level",
        "an interval that is looked at again shows nothing",
    ],
)
def test_the_evidence_stands_in_for_the_interval_and_for_nothing_else(
    measured: QueueEvidence, shown: CheckStatus, other: CheckStatus, outcome: Outcome
) -> None:
    assert shadow_queue.admit(verdict(shown, other), measured, DECLARED).outcome is outcome


def test_the_reason_names_the_evidence() -> None:
    admitted = shadow_queue.admit(verdict(CheckStatus.INCONCLUSIVE, CheckStatus.PASS), REACHED, DECLARED)
    assert admitted.reason == (
        "shown better in the shadow queue: e = 20.0 after 28 nights, 40.0 at its highest, of 40 since 2024-01-01; all 2 "
        "checks passed against the champion on 7 nights after its verdict"
    )


MEMBER = QueueMember(recipe="trees", models=(QueuedModel(night=START, digest="m0", seq=2),), nights_left=63)


@pytest.mark.parametrize(
    ("member", "measured", "is_released", "sentence"),
    [
        (
            MEMBER,
            replace(BELOW, value=2.1),
            False,
            "undecided: stays in shadow (e = 2.1 of 40 after 28 nights, 63 nights left)",
        ),
        (MEMBER, None, False, "undecided: stays in shadow (not measured yet, 63 nights left)"),
        (
            MEMBER,
            REACHED,
            False,
            "shown better (e = 20.0 after 28 nights, 40.0 at its highest, of 40, 63 nights left), but "
            "another check of the gate does not pass: stays in shadow",
        ),
        (
            MEMBER,
            replace(REACHED, value=40.0),
            True,
            "shown better (e = 40.0 of 40 after 28 nights): its release waits for tests and people",
        ),
        (
            replace(MEMBER, recipe=None),
            REACHED,
            False,
            "previous champion, put back only by the guard or a person (e = 20.0 "
            "after 28 nights, 40.0 at its highest, of 40, 63 nights left)",
        ),
    ],
    ids=["undecided", "not measured", "another check", "released", "previous champion"],
)
def test_people_are_told_what_follows(
    member: QueueMember, measured: QueueEvidence | None, is_released: bool, sentence: str
) -> None:
    assert shadow_queue.describe(member, measured, DECLARED, is_released=is_released) == sentence


@pytest.mark.parametrize(
    ("effect", "least", "most"), [(-0.2, 0.0, 0.01), (0.0, 0.0, 0.025), (0.4, 0.75, 1.0), (0.8, 0.99, 1.0)]
)
def test_it_errs_as_rarely_as_declared_and_finds_what_matters(effect: float, least: float, most: float) -> None:
    """Effects are in standard deviations of the nightly gain in loss, .04; 84 nights, each looked at."""
    rng = np.random.default_rng(4)
    queue = ShadowQueue(terms=(ChampionTerm(since=START, digest="c0"),), members=())
    stay = replace(MEMBER, nights_left=0)

    def draw(*_: object, **__: object) -> GainSeries:
        return GainSeries(loss=rng.normal(effect * 0.04, 0.04, 7), centred_loss=rng.normal(effect * 0.016, 0.012, 7))

    shown = [
        shadow_queue.measure(stay, queue, day(84), DECLARED, NIGHTLY, draw).highest >= DECLARED.queue_level
        for _ in range(200)
    ]
    assert least <= np.mean(shown) <= most
