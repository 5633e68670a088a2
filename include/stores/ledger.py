"""The ledger: an append-only, hash-chained table of all decisions and their reasons.

After a use case was forgotten, its earlier entries stay in the chain but no longer count: the functions that decide do
not return them, and idempotency keys begin anew. `search` and `verify` see all entries.

An upgrade to the present names appended an entry of its own. Entries before it have former names, which are translated
when they are read. After it, former names have no meaning.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from include.stores.warehouse import tables, write_transaction
from ml.errors import LedgerError
from ml.governance import former_names, hash_chain, ledger_entries
from ml.governance.hash_chain import GENESIS, Entry, Json
from ml.governance.ledger_entries import EntryKind, Payload
from ml.usecase import model_names

INSTALLATION = ""  # the use case of entries that concern the whole installation
_CHAMPION_KINDS = (EntryKind.PROMOTED, EntryKind.ROLLED_BACK)
_TABLE = tables.ledger
# Position of the first upgrade from a schema with former names; 0 without such an upgrade. Its subject is that schema.
_UPGRADED_AT = (
    sa.select(sa.func.coalesce(sa.func.min(_TABLE.c.seq), 0))
    .where(
        _TABLE.c.use_case == INSTALLATION,
        _TABLE.c.kind == EntryKind.UPGRADED,
        _TABLE.c.subject <= former_names.LAST_SCHEMA,
    )
    .correlate(None)
    .scalar_subquery()
)
_CONTENT = ("kind", "use_case", "night", "subject")
_BOUNDARY = "upgraded_at"


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchResult:
    """One page of matching entries, and how many entries match in all."""

    entries: tuple[Entry, ...]
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class NoneSince:
    """The condition that no entry of `kinds` was recorded for the use case after the position `seq`."""

    kinds: Collection[EntryKind]
    seq: int


def append(
    engine: sa.Engine,
    *,
    kind: EntryKind,
    use_case: str,
    night: date | None,
    subject: str,
    payload: Payload,
    key: str,
    recorded_at: datetime | None = None,
    condition: NoneSince | None = None,
) -> Entry:
    """Append an entry to the chain and return it, or return the entry that already has `key` and the same content.

    `recorded_at` is the wall clock unless given. Raises LedgerError when `key` has other content already, when
    `payload` is not of the type that `kind` requires, when it contains values that are not JSON, or when `condition`
    does not hold as the entry is written.
    """
    draft = Entry(
        kind=kind,
        use_case=use_case,
        night=night,
        subject=subject,
        payload=_to_json(ledger_entries.encode(kind, payload)),
        recorded_at=recorded_at or datetime.now(UTC),
        key=key,
    )
    with write_transaction(engine, lock="ledger") as connection:
        draft = replace(draft, key=_key_since_forgotten(connection, use_case, key))
        keys = {draft.key, former_names.key(draft.key)}
        existing = connection.execute(_select().where(_TABLE.c.key.in_(keys))).first()
        if existing is not None:
            return _check_unchanged(_entry(existing), draft)
        if condition is not None:
            _check_condition(connection, use_case, condition)
        last = connection.execute(sa.select(_TABLE).order_by(_TABLE.c.seq.desc()).limit(1)).first()
        entry = hash_chain.link(_stored_entry(last) if last else None, draft)
        connection.execute(sa.insert(_TABLE), _row(entry))
        return entry


def entries(
    engine: sa.Engine,
    use_case: str | None = None,
    kind: EntryKind | None = None,
    night: date | None = None,
    subject: str | None = None,
    *,
    forgotten: bool = False,
) -> tuple[Entry, ...]:
    """Return the entries, oldest first, that have all of the given values; with `forgotten`, also those before that."""
    wanted = ((_TABLE.c.use_case, use_case), (_TABLE.c.night, night), (_TABLE.c.subject, subject))
    conditions = [column == value for column, value in wanted if value is not None]
    conditions += [] if kind is None else [_is_one_of((kind,))]
    conditions += [] if forgotten else [_counts()]
    with engine.connect() as connection:
        return tuple(_entries(connection.execute(_select().where(*conditions).order_by(_TABLE.c.seq))))


def entries_of_kinds(engine: sa.Engine, use_case: str, kinds: Collection[EntryKind]) -> tuple[Entry, ...]:
    """Return the entries of a use case that are of one of `kinds`, oldest first."""
    query = _select().where(_TABLE.c.use_case == use_case, _is_one_of(kinds), _counts()).order_by(_TABLE.c.seq)
    with engine.connect() as connection:
        return tuple(_entries(connection.execute(query)))


def search(
    engine: sa.Engine,
    *,
    use_case: str | None = None,
    kind: str | None = None,
    night: date | None = None,
    text: str = "",
    as_of: datetime | None = None,
    offset: int = 0,
    limit: int = 50,
) -> SearchResult:
    """Return the entries, newest first, that have all of the given values, contain `text` and were recorded by `as_of`.

    `text` is searched, ignoring case, in the subject, the key and the payload's JSON.
    """
    column = _TABLE.c
    wanted = ((column.use_case, use_case), (column.night, night))
    conditions: list[sa.ColumnElement[bool]] = [each == value for each, value in wanted if value is not None]
    conditions += [] if kind is None else [_is_one_of((kind,))]
    if text:
        searched = (column.subject, column.key, column.payload)
        conditions.append(sa.or_(*(each.icontains(text, autoescape=True) for each in searched)))
    if as_of is not None:
        conditions.append(column.recorded_at <= as_of)
    query = _select().where(*conditions).order_by(column.seq.desc()).limit(limit).offset(offset)
    with engine.connect() as connection:
        count = connection.scalar(sa.select(sa.func.count()).select_from(_TABLE).where(*conditions)) or 0
        try:
            return SearchResult(entries=tuple(map(_entry, connection.execute(query))), count=count)
        except (TypeError, ValueError) as error:
            raise LedgerError(f"an entry of the ledger cannot be read ({error}): `ratchet ledger` names it") from None


def models(engine: sa.Engine, dataset: str) -> tuple[str, ...]:
    """Return the names of the models of the use case `dataset` that have entries, at the night's horizon first."""
    with engine.connect() as connection:
        names = connection.scalars(sa.select(_TABLE.c.use_case).distinct())
        return tuple(sorted(name for name in names if model_names.dataset_of(name) == dataset))


def kinds(engine: sa.Engine) -> tuple[str, ...]:
    """Return the kinds of entries in the ledger, sorted by name."""
    query = sa.select(_TABLE.c.kind, _TABLE.c.seq < _UPGRADED_AT).distinct()
    with engine.connect() as connection:
        stored = connection.execute(query).all()
    return tuple(sorted({str(former_names.KINDS.get(kind, kind)) if before else kind for kind, before in stored}))


def champion(
    engine: sa.Engine,
    use_case: str,
    *,
    before_night: date | None = None,
    until_night: date | None = None,
    as_of: datetime | None = None,
) -> Entry | None:
    """Return the promotion or rollback that made the champion, the model's digest as `subject`; None before the first.

    Without a bound it is the entry recorded last; with `as_of`, the one recorded last by that moment. `before_night`
    considers earlier nights only, `until_night` that night too. The latest night then wins, and within it the entry
    recorded last, so that a later rerun of a night finds the champion that the night had.
    """
    column = _TABLE.c
    query = _select().where(column.use_case == use_case, _is_one_of(_CHAMPION_KINDS), _counts())
    if before_night is not None or until_night is not None:
        query = query.order_by(column.night.desc())
    if before_night is not None:
        query = query.where(column.night < before_night)
    if until_night is not None:
        query = query.where(column.night <= until_night)
    if as_of is not None:
        query = query.where(column.recorded_at <= as_of)
    with engine.connect() as connection:
        row = connection.execute(query.order_by(column.seq.desc()).limit(1)).first()
    return _entry(row) if row else None


def verify(engine: sa.Engine, known_head: str = GENESIS) -> str:
    """Verify the hash chain and return the digest of the last entry.

    Pass the digest that an earlier call returned as `known_head` to detect entries removed from the end as well.
    Raises LedgerError that names the first broken entry.
    """
    with engine.connect() as connection:
        chain_entries = tuple(_stored_entries(connection.execute(sa.select(_TABLE).order_by(_TABLE.c.seq))))
    broken = hash_chain.verify(chain_entries, known_head)
    if broken is not None:
        raise _tampered_error(broken.seq, broken.reason)
    return chain_entries[-1].digest if chain_entries else GENESIS


def _tampered_error(seq: int, why: str) -> LedgerError:
    return LedgerError(
        f"the ledger was tampered with: entry {seq}: {why}. Promote nothing; compare with a backup, "
        "find out who can write to the warehouse, and restore the table from the backup"
    )


def last_forgotten(engine: sa.Engine, use_case: str) -> Entry | None:
    """Return the entry by which the use case was forgotten; None if anything was recorded of it since."""
    query = _select().where(_TABLE.c.use_case == use_case).order_by(_TABLE.c.seq.desc()).limit(1)
    with engine.connect() as connection:
        row = connection.execute(query).first()
    entry = _entry(row) if row else None
    return entry if entry and entry.kind == EntryKind.FORGOTTEN else None


def stored_key(engine: sa.Engine, use_case: str, key: str) -> str:
    """Return the key under which `append` stores an entry with `key` now."""
    with engine.connect() as connection:
        return _key_since_forgotten(connection, use_case, key)


def _key_since_forgotten(connection: sa.Connection, use_case: str, key: str) -> str:
    """Return `key` in a form that differs from that before the use case was forgotten."""
    seq = connection.scalar(sa.select(_forgotten_seq(use_case)))
    return f"{key}:since-{seq}" if seq else key


def _forgotten_seq(use_case: str | sa.ColumnElement[str]) -> sa.ScalarSelect[int]:
    """Return the position of the last entry by which the use case was forgotten; 0 if it never was."""
    other = _TABLE.alias("forgetting")
    last = sa.select(sa.func.coalesce(sa.func.max(other.c.seq), 0))
    wanted = (other.c.use_case == use_case, other.c.kind == EntryKind.FORGOTTEN)
    return last.where(*wanted).correlate(_TABLE).scalar_subquery()


def _counts() -> sa.ColumnElement[bool]:
    """Return the condition that an entry was recorded after its use case was last forgotten."""
    return _TABLE.c.seq > _forgotten_seq(_TABLE.c.use_case)


def _select() -> sa.Select[Any]:
    """Return a query of all entries, each with the position before which former names apply."""
    return sa.select(_TABLE, _UPGRADED_AT.label(_BOUNDARY))


def _is_one_of(kinds: Collection[str]) -> sa.ColumnElement[bool]:
    column, former = _TABLE.c, [name for kind in kinds for name in former_names.former(kind)]
    today = column.kind.in_(kinds)
    return today if not former else today | (column.kind.in_(former) & (column.seq < _UPGRADED_AT))


def _check_condition(connection: sa.Connection, use_case: str, condition: NoneSince) -> None:
    query = _select().where(_TABLE.c.use_case == use_case, _is_one_of(condition.kinds), _TABLE.c.seq > condition.seq)
    row = connection.execute(query.order_by(_TABLE.c.seq).limit(1)).first()
    if row is not None:
        entry = _entry(row)
        raise LedgerError(
            f"entry {entry.seq} ({entry.kind}) was recorded since the decision that is to be recorded was made: run "
            "this step again, so that it takes the entry into account"
        )


def _check_unchanged(existing: Entry, draft: Entry) -> Entry:
    before, now = (_content(entry) for entry in (existing, draft))
    names = before.keys()
    differs = [name for name in names if before[name] != now[name]]
    if differs:
        was, wanted = ({name: str(values[name]) for name in differs} for values in (before, now))
        raise LedgerError(
            f"the ledger already has the key {existing.key!r} as entry {existing.seq} with {was}, but got {wanted}. "
            "Entries are never rewritten: to add another fact, use another key; if this is the same step run again, "
            "find out why its result changed"
        )
    return existing


def _content(entry: Entry) -> dict[str, Any]:
    """Return the content of an entry for comparison; values that are None or empty count as absent."""
    payload = {name: value for name, value in entry.payload.items() if value not in (None, [], {})}
    return {name: getattr(entry, name) for name in _CONTENT} | {"payload": payload}


def _to_json(payload: Mapping[str, Json]) -> dict[str, Json]:
    """Return `payload` as it will be read back from JSON; raises LedgerError for values that are not JSON."""
    try:
        parsed: dict[str, Json] = json.loads(hash_chain.canonical_json(dict(payload)))
    except (TypeError, ValueError) as error:
        raise LedgerError(
            f"a ledger entry's payload is JSON without NaN or infinity ({error}); store None for them"
        ) from None
    return parsed


def _row(entry: Entry) -> dict[str, Any]:
    values = {column.name: getattr(entry, column.name) for column in _TABLE.columns}
    return values | {"payload": hash_chain.canonical_json(entry.payload)}


def _entry(row: sa.Row[Any]) -> Entry:
    """Return a row of `_select` as an entry, under the present names."""
    stored = _stored_entry(row)
    if stored.seq >= row._mapping[_BOUNDARY]:
        return stored
    kind, payload = former_names.translate(stored.kind, stored.payload)
    return replace(stored, kind=kind, payload=payload)


def _stored_entry(row: sa.Row[Any]) -> Entry:
    """Return a row as the entry that was written, with the content that its digest covers."""
    values = {column.name: row._mapping[column.name] for column in _TABLE.columns}
    text = values.pop("payload")
    payload = json.loads(text)
    if hash_chain.canonical_json(payload) != text:
        raise _tampered_error(values["seq"], "its payload is not the text that was written")
    return Entry(**values, payload=payload)


def _entries(rows: Iterable[sa.Row[Any]]) -> Iterator[Entry]:
    return _read_all(rows, _entry)


def _stored_entries(rows: Iterable[sa.Row[Any]]) -> Iterator[Entry]:
    return _read_all(rows, _stored_entry)


def _read_all(rows: Iterable[sa.Row[Any]], read: Callable[[sa.Row[Any]], Entry]) -> Iterator[Entry]:
    last = 0
    try:
        for row in rows:
            entry = read(row)
            last = entry.seq
            yield entry
    except (TypeError, ValueError) as error:
        raise _tampered_error(last + 1, f"it cannot be read ({error})") from None
