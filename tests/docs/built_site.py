"""`make docs` ends with this: the built site loads nothing from elsewhere, and each of its links leads somewhere.

The site's generator refuses dead links between pages. It does not look at pictures, at files that are no page, or at
what its theme loads.
"""

import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from include.settings import PROJECT

_LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
_NOT_LOADED = {"canonical", "alternate", "author", "license"}


class _Links(HTMLParser):
    """Collects what a page loads, what it links to, and its anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag in _LOADED and given.get("rel") not in _NOT_LOADED and (address := given.get(_LOADED[tag])):
            self.loaded.append(address)
        if tag == "a" and given.get("href"):
            self.linked.append(given["href"])


def faults(site: Path) -> Iterator[str]:
    """Yield every address that a page loads from elsewhere, and every link to a file or an anchor that does not exist."""

    for page in sorted(site.rglob("*.html")):
        name, links = page.relative_to(site), _read(page)
        yield from (f"{name} loads {each}" for each in links.loaded if _is_external(each))
        for address in (*links.linked, *links.loaded):
            if not _is_external(address) and not _exists(address, page, site):
                yield f"{name} links to {address}"


def _is_external(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.scheme or parts.netloc) and parts.scheme != "data"


@cache
def _read(page: Path) -> _Links:
    links = _Links()
    links.feed(page.read_text())
    return links


def _exists(address: str, page: Path, site: Path) -> bool:
    parts = urlsplit(address)
    if parts.scheme == "data":
        return True
    path = unquote(parts.path)
    target = (site / path.lstrip("/") if path.startswith("/") else page.parent / path) if path else page
    target = target / "index.html" if target.is_dir() else target
    if not target.is_file():
        return False
    return not parts.fragment or target.suffix != ".html" or unquote(parts.fragment) in _read(target).anchors


def main() -> int:
    """Print every fault of the site in site/, and return 1 if there is any."""
    listed = list(faults(PROJECT / "site"))
    print("\n".join(listed), file=sys.stderr, end="\n" if listed else "")
    return min(len(listed), 1)


if __name__ == "__main__":
    sys.exit(main())
