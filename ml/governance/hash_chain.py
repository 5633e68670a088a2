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
    """An entry of the ledger. `seq`, `previous` and `digest` are its position in the chain; `link` sets them."""

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
    """The first entry at which a chain is broken, and the reason."""

    seq: int
    reason: str


def canonical_json(value: object) -> str:
    """Return the canonical JSON text of `value`: sorted keys, no spaces.

    Raises ValueError for NaN and infinity, and TypeError for types that JSON does not have.

    >>> canonical_json({"b": 1, "a": [0.5, None]})
    '{"a":[0.5,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def fingerprint(value: object) -> str:
    """Return the SHA-256 of the canonical JSON text of `value`, in hexadecimal; raises like `canonical_json`.

    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def entry_digest(previous: str, entry: Entry) -> str:
    """Return the SHA-256 over the previous digest and all fields of `entry`, in hexadecimal."""
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
    """Return `entry` as the successor of `last`, or as the first entry of a chain if `last` is None."""
    previous = last.digest if last else GENESIS
    linked = replace(entry, seq=last.seq + 1 if last else 1, previous=previous)
    return replace(linked, digest=entry_digest(previous, linked))


def verify(entries: Iterable[Entry], known_digest: str = GENESIS) -> BrokenLink | None:
    """Return the first entry that breaks the chain, or None if the chain is intact.

    A chain whose end was cut off is still intact by itself. It is detected because `known_digest`, a digest that was
    noted earlier, is no longer part of the chain.

    >>> first, second = (Entry(kind="promoted", use_case="taxi", night=None, subject=each, payload={},
    ...                        recorded_at=datetime(2024, 3, 1, tzinfo=UTC), key=each) for each in ("m1", "m2"))
    >>> first = link(None, first)
    >>> second = link(first, second)
    >>> verify([first, second]) is None
    True
    >>> verify([replace(first, subject="m3"), second]).seq
    1
    >>> verify([first], known_digest=second.digest).seq
    2
    """
    seq, previous, has_known_digest = 1, GENESIS, known_digest == GENESIS
    for entry in entries:
        if entry.seq != seq:
            return BrokenLink(seq=seq, reason=f"entry {seq} is missing, found entry {entry.seq} instead")
        if entry.previous != previous:
            return BrokenLink(
                seq=seq, reason=f"it has the previous digest {entry.previous[:12]}, expected {previous[:12]}"
            )
        if entry.digest != entry_digest(previous, entry):
            return BrokenLink(seq=seq, reason="its digest does not match its fields")
        seq, previous, has_known_digest = seq + 1, entry.digest, has_known_digest or entry.digest == known_digest
    return (
        None
        if has_known_digest
        else BrokenLink(seq=seq, reason=f"the chain ends before the entry {known_digest[:12]}, which was read earlier")
    )
