"""Entries of the ledger for people: those of an older version of ours too, since none is ever rewritten."""

from dataclasses import dataclass

from ml.errors import LedgerError
from ml.governance import ledger_text
from ml.governance.hash_chain import Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class DescribedEntry:
    """An entry of the ledger and what it says to a person."""

    entry: Entry
    why: str


def describe(entry: Entry) -> DescribedEntry:
    """Return the entry with what was decided and why; with its fields' names where they are not those of today."""
    try:
        return DescribedEntry(entry=entry, why=ledger_text.describe(entry))
    except LedgerError:
        return DescribedEntry(entry=entry, why=f"by fields of an older version: {', '.join(sorted(entry.payload))}")
