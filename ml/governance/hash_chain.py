"""The hash chain of the ledger: each entry's digest covers its own fields and the digest before it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

GENESIS = "0" * 64

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One fact of the ledger. `seq`, `previous` and `digest` say where it stands in the chain; `link` fills them."""

    kind: str
    use_case: str
    night: date | None
    subject: str
    payload: Mapping[str, Json]
    recorded_at: datetime
    key: str
    seq: int = 0
    previous: str = GENESIS
    digest: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokenLink:
    """The first place where a chain does not hold, and why."""

    seq: int
    reason: str


def canonical_json(value: object) -> str:
    """Return the one JSON text of `value`: sorted keys, no spaces.

    Raises ValueError or TypeError when `value` has no such text: NaN, infinity, or a type that JSON does not know.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def fingerprint(value: object) -> str:
    """Return the SHA-256 of the canonical text of `value`; raises as `canonical` does."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def entry_digest(previous: str, entry: Entry) -> str:
    """Return the SHA-256 over the digest before and every field of `entry`, as hexadecimal digits."""
    fields = {
        "previous": previous,
        "seq": entry.seq,
        "kind": entry.kind,
        "use_case": entry.use_case,
        "night": entry.night and entry.night.isoformat(),
        "subject": entry.subject,
        "payload": entry.payload,
        "recorded_at": entry.recorded_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "key": entry.key,
    }
    return fingerprint(fields)


def link(last: Entry | None, entry: Entry) -> Entry:
    """Return `entry` as the one that follows `last`, or as the first when there is none."""
    previous = last.digest if last else GENESIS
    linked = replace(entry, seq=last.seq + 1 if last else 1, previous=previous)
    return replace(linked, digest=entry_digest(previous, linked))


def verify(entries: Iterable[Entry], known_digest: str = GENESIS) -> BrokenLink | None:
    """Return the first entry that breaks the chain, or None when it holds.

    A chain cut off at its end still holds by itself; it is seen when `remembered`, a digest noted earlier, is
    no longer part of it.
    """
    seq, previous, has_known_digest = 1, GENESIS, known_digest == GENESIS
    for entry in entries:
        if entry.seq != seq:
            return BrokenLink(seq=seq, reason=f"entry {seq} is missing: entry {entry.seq} stands in its place")
        if entry.previous != previous:
            return BrokenLink(
                seq=seq, reason=f"it names {entry.previous[:12]} as the digest before it, which is {previous[:12]}"
            )
        if entry.digest != entry_digest(previous, entry):
            return BrokenLink(seq=seq, reason="its fields are not those that its digest was made of")
        seq, previous, has_known_digest = seq + 1, entry.digest, has_known_digest or entry.digest == known_digest
    return (
        None
        if has_known_digest
        else BrokenLink(seq=seq, reason=f"the chain ends before the entry {known_digest[:12]} seen earlier")
    )
