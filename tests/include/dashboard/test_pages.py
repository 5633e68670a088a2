"""The pages as a browser, a screen reader and somebody with bad intentions meet them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from include.dashboard import pages
from include.settings import Settings, load_settings
from include.stores import report_paths as stored
from ml.errors import RequestError, SetupError
from tests.html_pages import Seen, check_structure
from tests.include.dashboard.conftest import MOMENT, NASTY

ROOT = "/airflow/ratchet"

Page = Callable[[Settings], str]
PAGES = [
    pytest.param(lambda settings: pages.index(settings, MOMENT, ROOT), id="overview"),
    pytest.param(lambda settings: pages.use_case(settings, "flights", MOMENT, ROOT), id="a use case"),
    pytest.param(
        lambda settings: pages.use_case(settings, "employment", MOMENT, ROOT), id="a use case without a night"
    ),
    pytest.param(lambda settings: pages.ledger(settings, {}, MOMENT, ROOT), id="ledger"),
    pytest.param(
        lambda settings: pages.ledger(settings, {"at": "2013-03-01T00:00"}, MOMENT, ROOT), id="ledger at a moment"
    ),
    pytest.param(lambda settings: pages.error_page(NASTY, ROOT), id="refusal"),
]


@pytest.fixture
def settings(year: str) -> Settings:
    return replace(load_settings(), warehouse_url=year)


@pytest.mark.parametrize("page", PAGES)
def test_elements_are_closed_in_their_order_and_a_screen_reader_finds_its_way(page: Page, settings: Settings) -> None:
    seen = check_structure(page(settings))
    assert len(seen.all("header")) == 1
    fields = {each.get("id") for each in seen.all("input", "select")}
    assert {each["for"] for each in seen.all("label")} == fields


def test_every_picture_says_what_it_shows_and_has_its_numbers_in_a_table(settings: Settings) -> None:
    seen = Seen(pages.use_case(settings, "flights", MOMENT, ROOT))
    pictures = seen.all("svg")
    assert len(pictures) == len(seen.all("figure")) == len(seen.all("details")) == 15
    assert all(each["role"] == "img" and len(str(each["aria-labelledby"]).split()) == 2 for each in pictures)


def test_replays_are_tables_and_pictures_of_ours_and_their_words_are_no_markup(
    settings: Settings, tmp_path: Path
) -> None:
    path = stored.backtests(tmp_path, "flights") / "one" / "backtest.json"
    path.parent.mkdir(parents=True)
    table = {"headers": ["policy", "let in"], "rows": [["never", "0"], [NASTY, "2"]]}
    reported = {"nights": "2013-02-01..2013-03-01", "gate": True, "method": "One recipe.", "caveats": "Read with care."}
    path.write_text(json.dumps(reported | {"policies": table, "pictures": {"quality": f"Loss {NASTY}"}}))
    html = pages.use_case(replace(settings, reports=tmp_path), "flights", MOMENT, ROOT)
    seen = Seen(html)
    assert seen.open == []
    (shown,) = seen.all("img")
    assert shown["src"] == f"{ROOT}/use-cases/flights/backtests/one/quality.svg"
    assert shown["alt"] == f"Loss {NASTY}"
    assert "2013-02-01..2013-03-01, with the gate. One recipe." in html
    assert NASTY not in html


@pytest.mark.parametrize("page", PAGES)
def test_nothing_runs_and_nothing_is_fetched(page: Page, settings: Settings) -> None:
    html = page(settings)
    seen = Seen(html)
    assert seen.all("script", "link", "img", "iframe", "object") == []
    assert not any(name.startswith("on") for _, each in seen.elements for name in each)
    assert "://" not in html
    assert "@import" not in html
    assert "url(" not in html


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(lambda settings: pages.index(settings, MOMENT, ROOT), id="an alert among all"),
        pytest.param(lambda settings: pages.use_case(settings, "flights", MOMENT, ROOT), id="an alert of a use case"),
        pytest.param(
            lambda settings: pages.ledger(settings, {"text": NASTY}, MOMENT, ROOT), id="what was searched for"
        ),
        pytest.param(lambda settings: pages.error_page(NASTY, ROOT), id="a refusal"),
    ],
)
def test_what_others_wrote_is_text(page: Page, settings: Settings) -> None:
    html = page(settings)
    assert "&lt;script&gt;" in html
    assert "<script" not in html


@pytest.mark.parametrize("page", PAGES)
def test_links_lie_where_airflow_lies(page: Page, settings: Settings) -> None:
    links = [str(each["href"]) for each in Seen(page(settings)).all("a")]
    assert all(link.startswith(("/airflow/", "#")) for link in links)


def test_whoever_is_waited_for_finds_the_question_in_airflow(settings: Settings) -> None:
    html = pages.index(settings, MOMENT, ROOT)
    assert "waits for business_owner" in html
    assert '"/airflow/dags/flights_release/required_actions?response_received=false"' in html


def test_the_next_page_asks_for_the_same(settings: Settings) -> None:
    asked = {"kind": "retraining_decided", "at": "2013-12-31T00:00", "page": "2", "text": "a&b"}
    assert "rel=" not in pages.ledger(settings, asked | {"page": "1"}, MOMENT, ROOT)
    html = pages.ledger(settings, asked | {"text": "nothing fired"}, MOMENT, ROOT)
    turned = "kind=retraining_decided&amp;text=nothing+fired&amp;at=2013-12-31+00%3A00%3A00%2B00%3A00&amp;page="
    assert [f"{turned}{page}" in html for page in (1, 3)] == [True, True]


def test_an_unknown_use_case_is_refused(settings: Settings) -> None:
    with pytest.raises(RequestError, match="expected one of the use cases"):
        pages.use_case(settings, "<b>", MOMENT, ROOT)


def test_before_anything_ran_it_says_so_and_makes_no_warehouse(home: Settings) -> None:
    nowhere = replace(home, warehouse_url=f"sqlite:///{home.home / 'none.db'}")
    with pytest.raises(SetupError, match="nothing has run in this home yet"):
        pages.index(nowhere, MOMENT, ROOT)
    assert not (home.home / "none.db").exists()
