"""A site that loads something from elsewhere, or has a dead link, is refused."""

from pathlib import Path

import pytest

from tests.docs import built_site


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<a href="b.html#there">', None),
        ('<a href="https://airflow.apache.org">', None),
        ('<link rel="canonical" href="https://example.org/a.html">', None),
        ('<img src="data:image/png;base64,AA==">', None),
        ('<a href="#here"><h2 id="here">', None),
        ('<a href="b.html#gone">', "a.html links to b.html#gone"),
        ('<a href="gone.yaml">', "a.html links to gone.yaml"),
        ('<img src="gone.png">', "a.html links to gone.png"),
        ('<script src="https://unpkg.com/x"></script>', "a.html loads https://unpkg.com/x"),
        ('<link rel="stylesheet" href="//fonts.example.org/css">', "a.html loads //fonts.example.org/css"),
    ],
)
def test_what_a_page_loads_and_links_to(html: str, fault: str | None, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(html)
    (tmp_path / "b.html").write_text('<h2 id="there">')
    assert list(built_site.faults(tmp_path)) == ([fault] if fault else [])
