"""The page has the card's words, is whole HTML, fetches nothing, and lets no text break it."""

from include.plotting import card_html
from tests.html_pages import Seen

TEXT = (
    "# taxi\n\n* `zone`: far <script src='x'></script>\n\n| candidate | log loss |\n| --- | --- |\n| a\\|b | 0.5100 |\n"
)


def test_tables_lists_and_numbers_are_the_markdowns() -> None:
    page = card_html.render("taxi, 2024-03-16", TEXT)
    assert "<h1>taxi</h1>" in page
    assert "<td>a|b</td>" in page
    assert "<td>0.5100</td>" in page
    assert "<code>zone</code>" in page


def test_the_page_closes_what_it_opens_fetches_nothing_and_holds_no_tag_of_the_text() -> None:
    page = card_html.render("<b>", TEXT)
    seen = Seen(page)
    assert seen.open == seen.fetched == []
    assert "<script" not in page
    assert "<title>Model card: &lt;b&gt;</title>" in page
