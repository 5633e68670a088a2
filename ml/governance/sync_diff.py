"""Differences between the rows of two installations, both sorted by key, and a digest over all rows of a table."""

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
    """How a row differs: it is only in the source, in both with different values, or only in the target."""

    NEW = "new"
    CHANGED = "changed"
    REMOVED = "gone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A difference between source and target. `row` is the source's row, or the target's if it is REMOVED."""

    kind: ChangeKind
    row: Row


@dataclass(frozen=True, kw_only=True, slots=True)
class TableDigest:
    """The number of rows of a table, and the SHA-256 over all rows in the order of their keys."""

    count: int
    digest: str


def differences(source: Iterable[Row], target: Iterable[Row], key: Callable[[Row], Key]) -> Iterator[Change]:
    """Yield the changes that turn `target` into `source`, both sorted by key and read as streams.

    Raises DataError if one of them is not sorted or has a duplicate key.

    >>> source, target = [("a", 1), ("b", 2)], [("b", 3), ("c", 4)]
    >>> [(change.kind.name, change.row) for change in differences(source, target, key=lambda row: row[:1])]
    [('NEW', ('a', 1)), ('CHANGED', ('b', 2)), ('REMOVED', ('c', 4))]
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
    """Yield `changes`; raises DataError at the first that does not show the target as an earlier state of the source.

    New rows are always allowed. Other changes are allowed only if `target_is_earlier`, which means that the target's
    ledger is the beginning of the source's, and if `may_change` returns true for the change.
    """
    for change in changes:
        if change.kind is not ChangeKind.NEW and not (target_is_earlier and may_change(change)):
            problem = "has other values there" if change.kind is ChangeKind.CHANGED else "is not in the source"
            raise DataError(
                f"the target holds something else already: in {name}, {_format_key(change.row)} {problem}. It is not "
                "overwritten: give the addresses of an empty target, or of an earlier state of this installation"
            )
        yield change


def table_digest(rows: Iterable[Row]) -> TableDigest:
    """Return the count and the digest of `rows`. They do not depend on the storage: 0.0 and -0.0 are the same number.

    >>> table_digest([("a", 0.0)]) == table_digest([("a", -0.0)])
    True
    """
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
            raise DataError(f"expected rows sorted by key, got {_format_key(row)} after {_format_key(previous.row)}")
        previous = keyed
        yield keyed


def _to_json_value(value: Value) -> str | int | float | None:
    if isinstance(value, date):  # a datetime is a date too
        return value.isoformat()
    return value + 0.0 if isinstance(value, float) else value


def _format_key(row: Row) -> str:
    return ", ".join(str(value)[:40] for value in row[:4])
