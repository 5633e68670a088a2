"""What an entry says, whoever wrote it."""

import pytest

from include.dashboard import ledger_text
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind
from tests.include.dashboard.conftest import LAST, decided
from tests.stack import raw_entries


@pytest.mark.parametrize(
    ("written", "why"),
    [
        pytest.param(decided(LAST, retrain=False), "no retraining: nothing fired", id="as today"),
        pytest.param(
            raw_entries.draft(EntryKind.ACCEPTANCE_TESTED, {"outcome": "pass", "loads": 3}, key="one"),
            "loads, outcome",
            id="before checks had names",
        ),
        pytest.param(
            raw_entries.draft(EntryKind.RETRAINING_DECIDED, {}, key="one"),
            "written by an older version",
            id="without a field",
        ),
        pytest.param(
            raw_entries.draft("another", {"share": 0.5}, key="one"), "share 0.5", id="of a kind without words"
        ),
    ],
)
def test_every_entry_is_told(written: Entry, why: str) -> None:
    assert why in ledger_text.describe(written).why
