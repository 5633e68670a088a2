"""The page of the ledger has every kind with every field."""

from dataclasses import fields

import pytest

from include.cli.docs import ledger_kinds
from ml.governance import ledger_entries
from ml.governance.ledger_entries import EntryKind

PAGE = ledger_kinds.page()


@pytest.mark.parametrize("kind", EntryKind)
def test_every_kind_has_its_fields(kind: EntryKind) -> None:
    section = PAGE.partition(f"\n## {kind.value}\n")[2].partition("\n## ")[0]
    assert [each.name for each in fields(ledger_entries.PAYLOADS[kind]) if f"* `{each.name}`: " not in section] == []


def test_parts_of_payloads_are_described_once() -> None:
    assert PAGE.count("\n### Check\n") == 1
    assert "[`Check`](#check)" in PAGE
