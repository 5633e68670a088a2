"""Read an HTML page as a browser or a screen reader would: its elements, and what it would fetch."""

import re
from html.parser import HTMLParser
from itertools import pairwise


class Seen(HTMLParser):
    """Every element of a page with its attributes, and those that were not closed in their order."""

    EMPTY = ("meta", "input", "img", "line", "path", "circle")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            assert self.open.pop() == tag

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]

    @property
    def fetched(self) -> list[str]:
        """The addresses that a browser would fetch; data URLs are part of the page."""
        addresses = (each.get("src") or each.get("data") for each in self.all("img", "script", "iframe", "object"))
        styles = (each["href"] for each in self.all("link"))
        return [str(each) for each in (*addresses, *styles) if not str(each).startswith("data:")]


def check_structure(html: str) -> Seen:
    """Return the elements of a page; fails unless they are closed in their order and a screen reader finds its way."""
    seen = Seen(html)
    ids = [each["id"] for _, each in seen.elements if "id" in each]
    levels = [int(tag[1]) for tag, _ in seen.elements if re.fullmatch("h[1-6]", tag)]
    assert seen.open == []
    assert len(ids) == len(set(ids))
    assert seen.all("html")[0]["lang"] == "en"
    assert [len(seen.all(tag)) for tag in ("main", "footer", "h1")] == [1, 1, 1]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    named = [str(each["aria-labelledby"]).split() for _, each in seen.elements if "aria-labelledby" in each]
    assert all(name in ids for names in named for name in names)
    assert all("scope" in each for each in seen.all("th"))
    assert len(seen.all("caption")) == len(seen.all("table"))
    assert all(each["alt"] for each in seen.all("img"))
    return seen
