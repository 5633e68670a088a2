"""The ledger page by page: what was decided, searched by words, kind and night, or as it stood at a moment."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from include import usecases
from include.dashboard import ledger_text
from include.dashboard.ledger_text import Told
from include.stores import ledger
from ml.errors import LedgerError, RequestError
from ml.governance.hash_chain import Entry

PAGE = 50
_VERIFIED_FOR = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What is looked for; an empty text or None asks for nothing."""

    use_case: str = ""
    kind: str = ""
    text: str = ""
    night: date | None = None
    at: datetime | None = None
    page: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """Whether every entry stood as it was written when the chain was last verified, and what is wrong where not."""

    head: str
    fault: str
    verified_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Then:
    """Who was champion of a use case at the moment that was asked for, by which entry; None before the first."""

    use_case: str
    crowned: Entry | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Chronicle:
    """One page of what was looked for, newest first."""

    asked: Asked
    entries: tuple[Told, ...]
    count: int
    pages: int
    kinds: tuple[str, ...]
    use_cases: tuple[str, ...]
    then: tuple[Then, ...]
    chain: Chain


class Verifier:
    """Verifies the chain at most once a minute: it reads every entry, which a page of a long ledger cannot wait for."""

    def __init__(self) -> None:
        self._last: Chain | None = None

    def verify(self, engine: sa.Engine, moment: datetime) -> Chain:
        """Return what the chain came to at `moment`, or less than a minute before it."""
        if self._last is None or not timedelta() <= moment - self._last.verified_at < _VERIFIED_FOR:
            self._last = verify(engine, moment)
        return self._last


def verify(engine: sa.Engine, moment: datetime) -> Chain:
    """Return what the chain comes to now."""
    try:
        return Chain(head=ledger.verify(engine), fault="", verified_at=moment)
    except LedgerError as error:
        return Chain(head="", fault=str(error), verified_at=moment)


def asked(query: Mapping[str, str]) -> Asked:
    """Return what the fields of a form ask for; raises RequestError that names the field and what it takes."""
    page = query.get("page") or "1"
    if not re.fullmatch("[1-9][0-9]{0,5}", page):
        raise RequestError(f"expected page to be a whole number from 1 to 999999, got {page!r}")
    if any("\0" in value for value in query.values()):
        raise RequestError("expected text, got a NUL character, which no entry of the ledger can hold")
    return Asked(
        **{name: query.get(name, "").strip() for name in ("use_case", "kind", "text")},
        night=_day(query.get("night", "")),
        at=_moment(query.get("at", "")),
        page=int(page),
    )


def gather(engine: sa.Engine, wanted: Asked, chain: Chain) -> Chronicle:
    """Return the page of the ledger that is `wanted`; raises RequestError for a use case that there is none of."""
    names = (usecases.get(wanted.use_case).name,) if wanted.use_case else usecases.names()
    found = ledger.search(
        engine,
        use_case=wanted.use_case or None,
        kind=wanted.kind or None,
        night=wanted.night,
        text=wanted.text,
        at=wanted.at,
        skip=(wanted.page - 1) * PAGE,
        most=PAGE,
    )
    then = [Then(use_case=name, crowned=ledger.champion(engine, name, at=wanted.at)) for name in names if wanted.at]
    return Chronicle(
        asked=wanted,
        entries=tuple(map(ledger_text.tell, found.entries)),
        count=found.count,
        pages=max(1, math.ceil(found.count / PAGE)),
        kinds=ledger.kinds(engine),
        use_cases=usecases.names(),
        then=tuple(then),
        chain=chain,
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise RequestError(f"expected night to be a day such as 2013-02-08, got {text!r}") from None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
        return moment and (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RequestError(f"expected at to be a moment such as 2013-02-08T12:00, got {text!r}") from None
