"""Render templates as HTML: pages of the dashboard, and static pages with the same style. All values are escaped."""

import base64
from functools import cache
from pathlib import Path

import jinja2

from include.dashboard import line_charts

_TEMPLATES = Path(__file__).parent / "templates"
_SHORT = 12


def render(template: str, *, root: str | None = None, folder: Path | None = None, **values: object) -> str:
    """Return the page of `template`, a file in `folder` or in the dashboard's folder of templates.

    `root` is the dashboard's address, the prefix of all links to its pages; None for a page outside of the dashboard,
    which may not link to it.
    """
    airflow = None if root is None else root.rpartition("/")[0]
    return _environment(folder).get_template(template).render(root=root, airflow=airflow, **values)


@cache
def _environment(folder: Path | None) -> jinja2.Environment:
    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.FileSystemLoader([folder, _TEMPLATES] if folder else _TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"short": _short, "number": _number, "data_url": _data_url}
    environment.globals |= {"width": line_charts.WIDTH, "height": line_charts.HEIGHT}
    return environment


def _short(digest: str | None) -> str:
    return digest[:_SHORT] if digest else "none"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _data_url(svg: str) -> str:
    """Return an SVG as the address of an image, so that its ids and styles stay apart from those of the page."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
