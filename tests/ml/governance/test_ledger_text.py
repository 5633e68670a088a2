"""Each kind of entry is told in a line that says what was decided and why."""

import json
from dataclasses import fields, replace
from datetime import UTC, date, datetime

import pytest

from ml.errors import LedgerError
from ml.governance import ledger_entries, ledger_text
from ml.governance.checks import Check, CheckStatus
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import (
    Aborted,
    AcceptanceTested,
    ApprovalRecord,
    EntryKind,
    LabelBatchDecided,
    ParityChecked,
    Payload,
    Promoted,
    PublicationDecided,
    RetrainingDecided,
    RolledBack,
    SourceParity,
    StagePassed,
    TrafficShifted,
    Unfrozen,
    Validated,
    Verdict,
)
from tests import payloads

DAY = date(2024, 3, 1)


def entry(kind: EntryKind, payload: Payload) -> Entry:
    return Entry(
        kind=kind,
        use_case="taxi",
        night=None,
        subject="m1",
        payload=json.loads(json.dumps(ledger_entries.encode(kind, payload))),
        recorded_at=datetime(2024, 3, 1, tzinfo=UTC),
        key="k",
    )


def validated(*alerts: str) -> Validated:
    return Validated(rows_in=61, rows_valid=60, rows_quarantined=1, files={}, quarantined={}, alerts=alerts)


def verdict(**more: str) -> Verdict:
    return Verdict(**{"outcome": "keep", "reason": "not better", "trigger": "monitor", **more})


def approval(user: str, role: str) -> ApprovalRecord:
    return ApprovalRecord(user=user, role=role, choice="", evidence="", signature="")


def parity(**sources: SourceParity) -> ParityChecked:
    return ParityChecked(sources=sources, table_versions={})


FAST = Check(name="p99, ms", value=1.0, bar="at most 10", status=CheckStatus.PASS)
SLOW = replace(FAST, value=11.0, status=CheckStatus.FAIL)
SAME = SourceParity(entities=60, absent=0, different={})
ABSENT, DIFFERENT = replace(SAME, absent=1), replace(SAME, different={"zone": 3})
RETRAIN = RetrainingDecided(retrain=True, reason="280 new labels")


@pytest.mark.parametrize(
    ("kind", "payload", "line"),
    [
        (EntryKind.VALIDATED, validated(), "60 of 61 rows valid, 1 quarantined"),
        (EntryKind.VALIDATED, validated("a", "b"), "60 of 61 rows valid, 1 quarantined; a; b"),
        (EntryKind.RETRAINING_DECIDED, RETRAIN, "retrain: 280 new labels"),
        (
            EntryKind.RETRAINING_DECIDED,
            replace(RETRAIN, retrain=False, reason="none fired"),
            "no retraining: none fired",
        ),
        (
            EntryKind.LABEL_BATCH_DECIDED,
            LabelBatchDecided(labels=60, baseline=0, retrain=False, reason="too few"),
            "no retraining: too few",
        ),
        (EntryKind.JUDGED, verdict(), "keep: not better (requested by monitor)"),
        (
            EntryKind.JUDGED,
            verdict(trigger="tess: a new route", budget="2 of 2 are spent"),
            "keep: not better (requested by tess: a new route; 2 of 2 are spent)",
        ),
        (EntryKind.APPROVED, approval("tess", "tech_lead"), "by tess as tech_lead"),
        (EntryKind.REJECTED, approval("bob", "business_owner"), "by bob as business_owner"),
        (EntryKind.PROMOTED, Promoted(approved_by=("tess", "bob"), evidence=""), "approved by tess and bob"),
        (EntryKind.PARITY, parity(table=SAME, snapshot=SAME), "2 sources compared; none is different"),
        (
            EntryKind.PARITY,
            parity(table=ABSENT, snapshot=DIFFERENT, rebuild=SAME),
            "3 sources compared; different: table, snapshot",
        ),
        (
            EntryKind.ACCEPTANCE_TESTED,
            AcceptanceTested(outcome="pass", checks=(FAST, FAST)),
            "passes all 2 acceptance tests",
        ),
        (
            EntryKind.ACCEPTANCE_TESTED,
            AcceptanceTested(outcome="fail", checks=(FAST, SLOW)),
            "fails p99, ms 11.0000 (bar: at most 10)",
        ),
        (EntryKind.UNFROZEN, Unfrozen(who="tess", why="it is over"), "by tess: it is over"),
        (
            EntryKind.TRAFFIC_SHIFTED,
            TrafficShifted(trained_night=DAY, share=0.05, approved_by=("tess", "bob"), standing="a" * 64),
            "answers for 5% of the entities; approved by tess and bob in the standing approval aaaaaaaaaaaa",
        ),
        (EntryKind.TRAFFIC_SHIFTED, TrafficShifted(trained_night=DAY, share=1.0), "answers for 100% of the entities"),
        (
            EntryKind.STAGE_PASSED,
            StagePassed(trained_night=DAY, share=0.5, reason="enough, after 28 answers", checks=()),
            "passed at 50% of the entities: enough, after 28 answers",
        ),
        (EntryKind.ABORTED, Aborted(who="tess", why="it is slow"), "by tess: it is slow"),
        (
            EntryKind.ABORTED,
            Aborted(trained_night=DAY, share=0.05, reason="more faults"),
            "at 5% of the entities, by the canary test: more faults",
        ),
        (
            EntryKind.ROLLED_BACK,
            RolledBack(who="the guard", why="shown worse", from_package="c" * 64, ended_recipe="r" * 64),
            "in place of cccccccccccc, by the guard: shown worse; "
            "no refresh of the recipe rrrrrrrrrrrr is adopted unproven any more",
        ),
        (
            EntryKind.SCORES_HELD_BACK,
            PublicationDecided(rows=10, invalid=1, checks=(FAST, SLOW), evidence="f" * 64),
            "10 rows, invalid scores: 1; p99, ms 11.0000 (bar: at most 10)",
        ),
    ],
)
def test_an_entry_is_described_in_a_line(kind: EntryKind, payload: Payload, line: str) -> None:
    assert ledger_text.describe(entry(kind, payload)) == line


@pytest.mark.parametrize("kind", list(EntryKind))
def test_no_kind_is_described_by_the_names_of_its_fields(kind: EntryKind) -> None:
    line = ledger_text.describe(entry(kind, payloads.SAMPLES[kind]))
    assert line
    assert not [field.name for field in fields(payloads.SAMPLES[kind]) if "_" in field.name and field.name in line]
    assert "f" * 13 not in line, "a digest is shortened"


def test_an_unknown_kind_is_described_by_its_values() -> None:
    unknown = replace(entry(EntryKind.UNFROZEN, Unfrozen(who="tess", why="done")), kind="another")
    assert ledger_text.describe(unknown) == "who tess, why done"


def test_a_payload_that_is_not_what_its_kind_has_is_refused() -> None:
    broken = replace(entry(EntryKind.RETRAINING_DECIDED, RETRAIN), payload={"retrain": "perhaps"}, seq=7)
    with pytest.raises(
        LedgerError, match=r"the payload of entry 7 of the ledger \(retraining_decided\) cannot be read"
    ):
        ledger_text.describe(broken)
