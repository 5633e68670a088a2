"""The dashboard's pages as HTML."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from functools import cache
from urllib.parse import urlencode

from include import usecases
from include.dashboard import ledger_page, overview, use_case_page
from include.dashboard.ledger_page import LedgerPage, Verifier
from include.dashboard.rendering import render
from include.settings import Settings
from include.stores import backtest_reports, warehouse


def index(settings: Settings, moment: datetime, root: str) -> str:
    """Return the page of all use cases; `root` is the dashboard's address, the prefix of all links to its pages."""
    content = overview.gather(warehouse.open_existing(settings.warehouse_url), moment)
    return render("overview.html", root=root, overview=content)


def use_case(settings: Settings, name: str, moment: datetime, root: str) -> str:
    """Return the page of one use case; raises RequestError for an unknown use case."""
    detail = use_case_page.gather(warehouse.open_existing(settings.warehouse_url), usecases.get(name), moment)
    reports = backtest_reports.gather(settings.reports, name)
    return render("use_case.html", root=root, detail=detail, status=detail.status, backtests=reports)


def picture(settings: Settings, name: str, backtest: str, picture: str) -> bytes:
    """Return a plot of a backtest of a use case as SVG; raises RequestError if it does not exist."""
    return backtest_reports.picture(settings.reports, usecases.get(name).name, backtest, picture)


def ledger(settings: Settings, query: Mapping[str, str], moment: datetime, root: str) -> str:
    """Return the page of the ledger for the fields of its form; raises RequestError for an invalid field."""
    engine, parsed = warehouse.open_existing(settings.warehouse_url), ledger_page.parse_query(query)
    page = ledger_page.gather(engine, parsed, _verifier(settings.warehouse_url).verify(engine, moment))
    return render("ledger.html", root=root, page=page, before=_page_query(page, -1), after=_page_query(page, 1))


def error_page(why: str, root: str) -> str:
    """Return the page that explains why another page cannot be shown."""
    return render("error.html", root=root, why=why)


def _page_query(current: LedgerPage, offset: int) -> str | None:
    """Return the URL query of the page `offset` pages away; None if there is no such page."""
    page = current.query.page + offset
    if not 1 <= page <= current.pages:
        return None
    fields = asdict(replace(current.query, page=page))
    return urlencode({name: value for name, value in fields.items() if value})


@cache
def _verifier(_warehouse_url: str) -> Verifier:
    return Verifier()
