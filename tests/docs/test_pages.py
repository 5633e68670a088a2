"""Rules of the pages: short lines, a purpose, a place in the site, links that lead somewhere, and commands that are run or marked."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.settings import PROJECT
from tests.docs import pages
from tests.docs.pages import DOCS, Block

WIDTH = 120
NOT_RUN = re.compile(r"\*Not run by CI: it needs .+\.\*$", re.DOTALL)
SHELL = {"", "sh", "bash", "shell", "console"}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
# What a bench writes into a page: tables of numbers, which cannot be wrapped.
MEASURED = re.compile(r"<!-- [^>]*written by `python -m bench.*?<!-- /", re.DOTALL)
SHELLS = [
    block
    for page in pages.executed()
    for block in pages.blocks(page)
    if block.language in SHELL and block.language != "console"
]


def name(path: object) -> str:
    return str(path.relative_to(PROJECT)) if isinstance(path, Path) else str(path)


def nav(entries: list[dict[str, object]]) -> Iterator[str]:
    """Yield the pages of the site's navigation, in order."""
    for entry in entries:
        for value in entry.values():
            if isinstance(value, str):
                yield value
            else:
                yield from nav(value)  # type: ignore[arg-type]


NAV = list(nav(tomllib.loads((PROJECT / "zensical.toml").read_text())["project"]["nav"]))


@pytest.mark.parametrize("page", dict.fromkeys([*pages.written(), *pages.documented()]), ids=name)
def test_no_line_is_too_long(page: Path) -> None:
    lines = MEASURED.sub(lambda match: "\n" * match[0].count("\n"), page.read_text()).splitlines()
    assert [f"{number}: {line[:60]}..." for number, line in enumerate(lines, start=1) if len(line) > WIDTH] == []


@pytest.mark.parametrize("page", pages.documented(), ids=name)
def test_a_page_has_one_title_and_then_says_what_it_is_for(page: Path) -> None:
    first, blank, opening = page.read_text().splitlines()[:3]
    assert first.startswith("# ")
    assert blank == ""
    is_dated = page.parent.name == "decisions" and re.match(r"20\d\d-\d\d-\d\d\. ", opening)
    assert is_dated or opening[:1].isalpha() or opening.startswith(("`", "[", "**", "<!-- commands"))


@pytest.mark.parametrize("page", pages.documented(), ids=name)
def test_every_page_is_in_the_navigation_or_in_the_list_of_decisions(page: Path) -> None:
    inside = str(page.relative_to(DOCS))
    decisions = (DOCS / "decisions/README.md").read_text()
    assert inside in NAV or inside == "decisions/README.md" or f"({page.name})" in decisions


def test_the_order_of_the_navigation() -> None:
    parts = list(dict.fromkeys(each.partition("/")[0] for each in NAV))
    order = ["index.md", "start", "tutorial", "how-to", "concepts", "reference", "operate", "decisions", "benchmarks"]
    assert [part for part in parts if part in order] == order


@pytest.mark.parametrize("page", pages.written(), ids=name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    targets = [target for target in LINK.findall(text) if "://" not in target and not target.startswith("mailto:")]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("block", SHELLS, ids=lambda block: f"{name(block.page)}:{block.line}")
def test_a_command_that_ci_does_not_run_is_marked(block: Block) -> None:
    assert NOT_RUN.search(block.before), "write it as a `console` block with `$ ` before each command, or mark it"


@pytest.mark.parametrize("page", pages.executed(), ids=name)
def test_a_console_block_has_commands(page: Path) -> None:
    consoles = [block for block in pages.blocks(page) if block.language == "console"]
    assert all(block.text.startswith("$ ") for block in consoles)


def test_commands_that_ci_runs_itself_are_targets_of_ci() -> None:
    from tests.docs import run

    steps = set(re.findall(r"^ *make ([a-z-]+)", (PROJECT / ".ci/run").read_text(), re.MULTILINE))
    shown = [each for page in pages.executed() for each in pages.commands(page) if run.is_run_by_ci(each)]
    assert {each.text.split()[1] for each in shown} <= steps
