"""Templates escape what they are given, find those of another folder first, and fail where a value is missing."""

import base64
from pathlib import Path

import jinja2
import pytest
import sqlalchemy as sa

from include.dashboard import overview, rendering
from ml.usecase import UseCase
from tests.include.dashboard.conftest import MOMENT


def test_a_page_of_another_folder_extends_a_page_of_the_dashboard(tmp_path: Path) -> None:
    (tmp_path / "own.html").write_text(
        '{% extends "base.html" %}{% block header %}{% endblock %}{% block main %}{{ x }}{% endblock %}'
    )
    page = rendering.render("own.html", folder=tmp_path, x="<b>")
    assert "&lt;b&gt;" in page
    assert "<style>:root" in page
    with pytest.raises(jinja2.TemplateNotFound):
        rendering.render("own.html")


def test_outside_of_the_dashboard_a_pending_approval_is_no_link(
    tmp_path: Path, engine: sa.Engine, case: UseCase
) -> None:
    (tmp_path / "own.html").write_text('{% from "macros.html" import status_list %}{{ status_list(status, airflow) }}')
    status = overview.status(engine, case, MOMENT)
    page, board = (
        rendering.render("own.html", folder=tmp_path, root=root, status=status) for root in (None, "/a/ratchet")
    )
    assert "waits for business_owner</span>: answer in Airflow</dd>" in page
    assert "<a " not in page
    assert '<a href="/a/dags/flights_release' in board


def test_a_missing_value_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "own.html").write_text("{{ x }}")
    with pytest.raises(jinja2.UndefinedError, match="'x' is undefined"):
        rendering.render("own.html", folder=tmp_path)


def test_a_picture_is_part_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "own.html").write_text("{{ x | data_url }}")
    kind, _, content = rendering.render("own.html", folder=tmp_path, x="<svg>é</svg>").partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(content).decode() == "<svg>é</svg>"


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.123456, "0.1235"), (-1234.5, "-1,234"), (0.0, "0")], ids=str
)
def test_numbers_have_four_digits_or_are_whole(tmp_path: Path, value: float | None, text: str) -> None:
    (tmp_path / "own.html").write_text("{{ x | number }}")
    assert rendering.render("own.html", folder=tmp_path, x=value) == text
