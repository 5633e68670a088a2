"""Describe ledger entries for people, including entries of older versions, which are never rewritten."""

from dataclasses import dataclass

from ml.errors import LedgerError
from ml.governance import ledger_text
from ml.governance.hash_chain import Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class DescribedEntry:
    """An entry of the ledger and its description."""

    entry: Entry
    why: str


def describe(entry: Entry) -> DescribedEntry:
    """Return the entry with its decision and reason; for fields of an older version, with the names of the fields."""
    try:
        return DescribedEntry(entry=entry, why=ledger_text.describe(entry))
    except LedgerError:
        return DescribedEntry(
            entry=entry, why=f"written by an older version, with the fields {', '.join(sorted(entry.payload))}"
        )
