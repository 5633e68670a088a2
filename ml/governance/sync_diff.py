"""What a house holds against what another holds: rows in the order of their keys, and one digest over all of them."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from ml.errors import DataError

Value = str | int | float | None | date
Row = tuple[Value, ...]
Key = tuple[Any, ...]  # of values that can be ordered


class ChangeKind(StrEnum):
    """How a row of the source stands to the target: it is not there, is there with other values, or only there."""

    NEW = "new"
    CHANGED = "changed"
    REMOVED = "gone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What would make the target's row that of the source; one that is gone is told as the target has it."""

    kind: ChangeKind
    row: Row


@dataclass(frozen=True, kw_only=True, slots=True)
class TableDigest:
    """How many rows there are, and the SHA-256 of all of them in the order of their keys."""

    count: int
    digest: str


def differences(source: Iterable[Row], target: Iterable[Row], key: Callable[[Row], Key]) -> Iterator[Change]:
    """Yield what parts `target` from `source`, both in the order of their keys; neither is held in memory.

    Raises DataError where one of them is not in that order, or has a key twice.
    """
    ours, theirs = _ordered(source, key), _ordered(target, key)
    here, there = next(ours, None), next(theirs, None)
    while here is not None or there is not None:
        if there is None or (here is not None and here.key < there.key):
            assert here is not None
            yield Change(kind=ChangeKind.NEW, row=here.row)
            here = next(ours, None)
        elif here is None or there.key < here.key:
            yield Change(kind=ChangeKind.REMOVED, row=there.row)
            there = next(theirs, None)
        else:
            if here.row != there.row:
                yield Change(kind=ChangeKind.CHANGED, row=here.row)
            here, there = next(ours, None), next(theirs, None)


def require_overwritable(
    changes: Iterable[Change], name: str, *, target_is_earlier: bool, may_change: Callable[[Change], bool]
) -> Iterator[Change]:
    """Yield `changes` as they come; raises DataError at the first by which the target is no earlier state of the source.

    New rows always are. Others are when the target is known to be `earlier`, by a ledger that goes on in that of the
    source, and are of a sort that `may_change` there.
    """
    for change in changes:
        if change.kind is not ChangeKind.NEW and not (target_is_earlier and may_change(change)):
            problem = "has other values there" if change.kind is ChangeKind.CHANGED else "is nowhere in what is moved"
            raise DataError(
                f"the target holds something else already: in {name}, {_format_key(change.row)} {problem}. Nothing of it is "
                "overwritten: give addresses at which there is nothing yet, or an earlier state of this same house"
            )
        yield change


def table_digest(rows: Iterable[Row]) -> TableDigest:
    """Return the count and the digest of `rows`, the same wherever they rest: 0.0 and -0.0 are one number."""
    count, digest = 0, hashlib.sha256()
    for row in rows:
        count += 1
        digest.update(json.dumps([_to_json_value(value) for value in row], ensure_ascii=False).encode())
        digest.update(b"\n")
    return TableDigest(count=count, digest=digest.hexdigest())


@dataclass(frozen=True, slots=True)
class _Keyed:
    key: Key
    row: Row


def _ordered(rows: Iterable[Row], key: Callable[[Row], Key]) -> Iterator[_Keyed]:
    previous: _Keyed | None = None
    for row in rows:
        keyed = _Keyed(key(row), row)
        if previous is not None and not previous.key < keyed.key:
            raise DataError(
                f"expected rows in the order of their keys, got {_format_key(row)} after {_format_key(previous.row)}"
            )
        previous = keyed
        yield keyed


def _to_json_value(value: Value) -> str | int | float | None:
    if isinstance(value, date):  # a moment is a date too
        return value.isoformat()
    return value + 0.0 if isinstance(value, float) else value


def _format_key(row: Row) -> str:
    return ", ".join(str(value)[:40] for value in row[:4])
