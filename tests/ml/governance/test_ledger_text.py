"""Each kind of entry is told in a line that says what was decided and why."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ml.governance import ledger_text
from ml.governance.hash_chain import Entry


def entry(kind: str, payload: dict[str, Any]) -> Entry:
    return Entry(
        kind=kind,
        use_case="taxi",
        night=None,
        subject="m1",
        payload=payload,
        recorded_at=datetime(2024, 3, 1, tzinfo=UTC),
        key="k",
    )


COUNTS = {"rows_in": 61, "rows_valid": 60, "rows_quarantined": 1}
FAST = {"name": "p99, ms", "value": 1.0, "bar": "at most 10", "answer": "pass"}
SLOW = FAST | {"value": 11.0, "answer": "fail"}
SAME = {"entities": 60, "absent": 0, "differ": {}}


@pytest.mark.parametrize(
    ("kind", "payload", "told"),
    [
        ("validated", COUNTS | {"alerts": []}, "60 of 61 rows valid, 1 quarantined"),
        ("validated", COUNTS | {"alerts": ["a", "b"]}, "60 of 61 rows valid, 1 quarantined; a; b"),
        ("decided", {"retrain": True, "reason": "280 new labels"}, "retrain: 280 new labels"),
        ("decided", {"retrain": False, "reason": "nothing fired"}, "go on: nothing fired"),
        (
            "judged",
            {"outcome": "keep", "reason": "not shown better", "trigger": "monitor"},
            "keep: not shown better (asked for by monitor)",
        ),
        (
            "judged",
            {"outcome": "keep", "reason": "not better", "trigger": "tess: a new route", "budget": "2 of 2 are spent"},
            "keep: not better (asked for by tess: a new route; 2 of 2 are spent)",
        ),
        ("approved", {"user": "tess", "role": "tech_lead"}, "by tess as tech_lead"),
        ("rejected", {"user": "bob", "role": "business_owner"}, "by bob as business_owner"),
        ("promoted", {"approved_by": ["tess", "bob"]}, "approved by tess, bob"),
        ("parity", {"ways": {"table": SAME, "snapshot": SAME}}, "2 ways compared; none differs"),
        (
            "parity",
            {"ways": {"table": SAME | {"absent": 1}, "snapshot": SAME | {"differ": {"zone": 3}}, "rebuild": SAME}},
            "3 ways compared; what differs: table, snapshot",
        ),
        ("tested", {"checks": [FAST, FAST]}, "passes all 2 checks of its battery"),
        ("tested", {"checks": [FAST, SLOW]}, "fails p99, ms (bar: at most 10)"),
        ("tried", {"golden": "passed", "reads": {"a": 1}}, "golden passed"),
    ],
    ids=lambda each: each if isinstance(each, str) and len(each) < 12 else None,
)
def test_an_entry_is_told_in_a_line(kind: str, payload: dict[str, Any], told: str) -> None:
    assert ledger_text.describe(entry(kind, payload)) == told
