"""What an entry says, whoever wrote it."""

import pytest

from include.dashboard import ledger_text
from ml.governance.hash_chain import Entry
from tests.include.dashboard.conftest import LAST, NEXT, decided, entry


@pytest.mark.parametrize(
    ("written", "why"),
    [
        pytest.param(decided(LAST, retrain=False), "go on: nothing fired", id="as today"),
        pytest.param(
            entry("tested", LAST, NEXT, outcome="pass", loads=3), "loads, outcome", id="before checks had names"
        ),
        pytest.param(entry("decided", LAST, NEXT), "by fields of an older version", id="without a field"),
        pytest.param(entry("another", LAST, NEXT, share=0.5), "share 0.5", id="of a kind without words"),
    ],
)
def test_every_entry_is_told(written: Entry, why: str) -> None:
    assert why in ledger_text.describe(written).why
