from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from include.dashboard import adoption
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import AdoptionRecord, EntryKind, Verdict
from tests import payloads

NIGHTS = [date(2024, 3, day) for day in (1, 15, 29)]


def judged_refresh(night: date, evidence: float, admission: str | None, recipe: str = "r1", used: int = 0) -> Entry:
    record = AdoptionRecord(
        anchor="c0ffee",
        evidence=evidence,
        licence=10.0,
        is_licensed=evidence >= 10,
        allowance_used=used,
        allowance=6,
        harm=-0.02,
        harm_budget=0.3,
        checks=(),
    )
    verdict = Verdict(outcome="promote", reason=f"as of {night}", recipe=recipe, admission=admission, adoption=record)
    return Entry(
        kind=str(EntryKind.JUDGED),
        use_case="taxi",
        night=night,
        subject=f"package {night}",
        payload=ledger_entries.encode(EntryKind.JUDGED, verdict),
        recorded_at=datetime(2024, 4, 1, tzinfo=UTC),
        key=str(night),
    )


def test_without_a_judged_refresh_there_is_no_status() -> None:
    assert adoption.find([]) is None


def test_the_summary_counts_what_the_latest_refresh_uses() -> None:
    status = adoption.find(
        [judged_refresh(NIGHTS[0], 1.0, "allowance"), judged_refresh(NIGHTS[1], 2.345, "allowance", used=1)]
    )
    assert status is not None
    assert status.summary == (
        "As of 2024-03-15, evidence that refreshes of this recipe are better than the anchor c0ffee: e = 2.35 "
        "(licence at 10); 2 of 6 unproven refreshes used; -0.020 of 0.3 lost beyond the last proven model "
        "(below 0 is a gain)"
    )


@pytest.mark.parametrize(
    ("admission", "answer"),
    [
        ("proof", "admitted as shown better, not released"),
        ("licence", "admitted under the licence, not released"),
        ("allowance", "admitted unproven, not released"),
        (None, "not admitted"),
    ],
)
def test_each_refresh_says_what_became_of_it(admission: str | None, answer: str) -> None:
    status = adoption.find([judged_refresh(NIGHTS[0], 14.0, admission)])
    assert status is not None
    assert status.rows == [("2024-03-01", answer, "as of 2024-03-01")]


def test_a_refresh_that_was_released_says_who_approved_it_and_that_it_was_rolled_back() -> None:
    judged = judged_refresh(NIGHTS[0], 1.0, "allowance")
    promoted = replace(
        judged,
        kind=str(EntryKind.PROMOTED),
        night=NIGHTS[1],
        payload=payloads.stored(EntryKind.PROMOTED, approved_by=("tess", "bob")),
    )
    back = replace(
        judged,
        kind=str(EntryKind.ROLLED_BACK),
        subject="another",
        payload=payloads.stored(EntryKind.ROLLED_BACK, who="guard", why="shown worse", from_package=judged.subject),
    )
    adopted = "adopted unproven, approved by tess and bob for 2024-03-15"
    for entries, answer in (
        ((judged, promoted), adopted),
        ((judged, promoted, back), f"{adopted}; guard: shown worse"),
    ):
        status = adoption.find(entries)
        assert status is not None
        assert [each.answer for each in status.refreshes] == [answer]


def test_the_chart_shows_the_evidence_of_the_latest_recipe_only() -> None:
    entries = [
        judged_refresh(NIGHTS[0], 1000.0, "licence", recipe="r0"),
        judged_refresh(NIGHTS[1], 1.0, "proof"),
        judged_refresh(NIGHTS[2], 100.0, None),
    ]
    status = adoption.find(entries)
    assert status is not None
    evidence, licence = status.chart(()).series
    assert [(point.night, point.value) for point in evidence.points] == [(NIGHTS[1], 0.0), (NIGHTS[2], 2.0)]
    assert {point.value for point in licence.points} == {1.0}
