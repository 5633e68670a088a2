"""The ledger page by page: decisions, filtered by text, kind and night, or as they were at a moment."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from include import usecases
from include.dashboard import ledger_text
from include.dashboard.ledger_text import DescribedEntry
from include.stores import ledger
from ml.errors import LedgerError, RequestError
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind

PAGE_SIZE = 50
_VERIFIED_FOR = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerQuery:
    """The filters and the page number; an empty text or None does not filter."""

    use_case: str = ""
    kind: EntryKind | None = None
    text: str = ""
    night: date | None = None
    at: datetime | None = None
    page: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainStatus:
    """The result of the last verification of the hash chain; `fault` is empty if no entry was changed."""

    head: str
    fault: str
    verified_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ChampionAt:
    """The entry that made the champion of a use case at the requested moment; None before the first champion."""

    use_case: str
    entry: Entry | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerPage:
    """One page of the search result, newest first."""

    query: LedgerQuery
    entries: tuple[DescribedEntry, ...]
    count: int
    pages: int
    kinds: tuple[str, ...]
    use_cases: tuple[str, ...]
    champions: tuple[ChampionAt, ...]
    chain: ChainStatus


class Verifier:
    """Verifies the chain at most once a minute: verification reads every entry, which takes long in a long ledger."""

    def __init__(self) -> None:
        self._last: ChainStatus | None = None

    def verify(self, engine: sa.Engine, moment: datetime) -> ChainStatus:
        """Return the status of the chain at `moment`, or a status that is less than a minute older."""
        if self._last is None or not timedelta() <= moment - self._last.verified_at < _VERIFIED_FOR:
            self._last = verify(engine, moment)
        return self._last


def verify(engine: sa.Engine, moment: datetime) -> ChainStatus:
    """Verify the whole chain and return its status; `moment` is the time recorded in it."""
    try:
        return ChainStatus(head=ledger.verify(engine), fault="", verified_at=moment)
    except LedgerError as error:
        return ChainStatus(head="", fault=str(error), verified_at=moment)


def parse_query(query: Mapping[str, str]) -> LedgerQuery:
    """Return the query in the fields of the form; raises RequestError that names the invalid field and its values."""
    page = query.get("page") or "1"
    if not re.fullmatch("[1-9][0-9]{0,5}", page):
        raise RequestError(f"expected page to be a whole number from 1 to 999999, got {page!r}")
    if any("\0" in value for value in query.values()):
        raise RequestError("expected text, got a NUL character, which no entry of the ledger can hold")
    return LedgerQuery(
        **{name: query.get(name, "").strip() for name in ("use_case", "text")},
        kind=_parse_kind(query.get("kind", "").strip()),
        night=_parse_night(query.get("night", "")),
        at=_parse_moment(query.get("at", "")),
        page=int(page),
    )


def gather(engine: sa.Engine, query: LedgerQuery, chain: ChainStatus) -> LedgerPage:
    """Return the page of the ledger for `query`; raises RequestError for an unknown use case."""
    names = (usecases.get(query.use_case).name,) if query.use_case else usecases.names_of_models()
    result = ledger.search(
        engine,
        use_case=query.use_case or None,
        kind=query.kind,
        night=query.night,
        text=query.text,
        as_of=query.at,
        offset=(query.page - 1) * PAGE_SIZE,
        limit=PAGE_SIZE,
    )
    champions = [
        ChampionAt(use_case=name, entry=ledger.champion(engine, name, as_of=query.at)) for name in names if query.at
    ]
    return LedgerPage(
        query=query,
        entries=tuple(map(ledger_text.describe, result.entries)),
        count=result.count,
        pages=max(1, math.ceil(result.count / PAGE_SIZE)),
        kinds=ledger.kinds(engine),
        use_cases=usecases.names_of_models(),
        champions=tuple(champions),
        chain=chain,
    )


def _parse_kind(text: str) -> EntryKind | None:
    try:
        return EntryKind(text) if text else None
    except ValueError:
        raise RequestError(f"expected kind to be one of {', '.join(EntryKind)}, got {text!r}") from None


def _parse_night(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise RequestError(f"expected night to be a day such as 2013-02-08, got {text!r}") from None


def _parse_moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
        return moment and (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RequestError(f"expected at to be a moment such as 2013-02-08T12:00, got {text!r}") from None
