"""The board's pages as HTML: what the view-models hold, through templates that escape everything they are given."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import jinja2

from include import usecases
from include.dashboard import backtests, ledger_page, line_charts, overview, use_case_page
from include.dashboard.ledger_page import Chronicle, Verifier
from include.settings import Settings
from include.stores import warehouse

_TEMPLATES = Path(__file__).parent / "templates"
_SHORT = 12


def index(settings: Settings, moment: datetime, root: str) -> str:
    """Return the page of all use cases; `root` is the address of the board, under which its other pages lie."""
    found = overview.gather(warehouse.found(settings.warehouse_url), moment)
    return _render("overview.html", root, board=found)


def use_case(settings: Settings, name: str, moment: datetime, root: str) -> str:
    """Return the page of one use case; raises RequestError where there is none of that name."""
    found = use_case_page.gather(warehouse.found(settings.warehouse_url), usecases.get(name), moment)
    return _render("use_case.html", root, detail=found, now=found.now, replays=backtests.gather(settings.reports, name))


def picture(settings: Settings, name: str, replay: str, picture: str) -> bytes:
    """Return a picture of a replay of a use case as SVG; raises RequestError where there is none."""
    return backtests.picture(settings.reports, usecases.get(name).name, replay, picture)


def ledger(settings: Settings, query: Mapping[str, str], moment: datetime, root: str) -> str:
    """Return the page of the ledger that the form's fields ask for; raises RequestError for what cannot be asked."""
    engine, wanted = warehouse.found(settings.warehouse_url), ledger_page.asked(query)
    found = ledger_page.gather(engine, wanted, _verifier(settings.warehouse_url).verify(engine, moment))
    return _render("ledger.html", root, chronicle=found, before=_turned(found, -1), after=_turned(found, 1))


def refusal(why: str, root: str) -> str:
    """Return the page that says why another cannot be shown."""
    return _render("refusal.html", root, why=why)


def _turned(found: Chronicle, by: int) -> str | None:
    """Return the query of the page before or after; None where there is none."""
    page = found.asked.page + by
    if not 1 <= page <= found.pages:
        return None
    fields = asdict(replace(found.asked, page=page))
    return urlencode({name: value for name, value in fields.items() if value})


def _render(template: str, root: str, **values: object) -> str:
    return _environment().get_template(template).render(root=root, airflow=root.rpartition("/")[0], **values)


@cache
def _verifier(_warehouse_url: str) -> Verifier:
    return Verifier()


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        autoescape=True,
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"short": _short, "number": _number}
    made.globals |= {"width": line_charts.WIDTH, "height": line_charts.HEIGHT}
    return made


def _short(digest: str | None) -> str:
    return digest[:_SHORT] if digest else "none"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
