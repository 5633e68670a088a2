"""The page is whole HTML, fetches nothing, and lets no text break it."""

from html.parser import HTMLParser

import pandas as pd
import pytest
import sqlalchemy as sa

from include import report
from include.stores import warehouse
from ml.usecase import UseCase, periods
from tests.ml.answers import YES_OR_NO

_VOID = {"meta", "br", "use", "path"}


class Balance(HTMLParser):
    """Collects what is open, and every address that a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [value for name, value in attrs if name == "src" and value]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop() == tag


@pytest.fixture
def page(engine: sa.Engine, case: UseCase) -> str:
    period = periods.parse("2013-02-01..2013-02-03")
    summary = report.gather(engine, case, period, {})
    matured = warehouse.matured_scores(
        engine, case.name, period.first, period.last, case.horizon.cutoff(periods.parse("2013-03-01").last)
    )
    return report.render(summary, case, matured, YES_OR_NO)


def test_the_page_is_balanced_and_fetches_nothing(page: str) -> None:
    balance = Balance()
    balance.feed(page)
    assert balance.open == []
    assert balance.fetched == []


def test_words_from_the_ledger_are_escaped(page: str) -> None:
    assert "because &lt;it&gt; had to be so" in page


def test_every_picture_is_described(page: str) -> None:
    assert page.count("<figure role='img' aria-label=") == page.count("<svg") == 5


def test_without_matured_rows_the_page_says_so(engine: sa.Engine, case: UseCase) -> None:
    summary = report.gather(engine, case, periods.parse("2013-02-03"), {})
    nothing = pd.DataFrame({"night": [], "score": [], "label": []})
    assert "No labels have matured yet" in report.render(summary, case, nothing, YES_OR_NO)


def test_the_versions_behind_the_scores_are_told(page: str) -> None:
    assert "<th scope='col'>valid/rides</th>" in page
    assert "<tr><td>2013-02-02</td><td>4</td><td>3</td></tr>" in page


def test_features_that_do_not_pay_are_named_beside_the_card(page: str) -> None:
    named = "Features with a cost and no proven benefit: <code>&lt;noise&gt;</code>, <code>weekday</code>."
    assert page.count(named) == 1
    assert "/2013-02-01/model_card.html'>model card</a>" in page


def test_a_verdict_of_before_features_were_measured_says_nothing_of_them(page: str) -> None:
    assert page.count("<details>") == 2
    assert page.count("Features with a cost and no proven benefit") == 1


def test_a_challengers_pictures_are_linked_where_they_were_drawn(page: str, case: UseCase) -> None:
    for name in ("reliability", "gains"):
        assert f"<a href='{case.name}/2013-02-01/{name}.svg'>{name}</a>" in page
    assert f"{case.name}/2013-02-02/reliability.svg" not in page
