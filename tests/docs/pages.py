"""The pages of the documentation, and the blocks of code in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from include.settings import PROJECT

DOCS, README = PROJECT / "docs", PROJECT / "README.md"
EXECUTED = ("start", "tutorial", "how-to")
GENERATED = ("reference", "benchmarks")
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[\w-]*)[^\n]*\n(?P<text>.*?)^(?P=indent)```\s*$", re.MULTILINE | re.DOTALL
)
_PROMPT, _CONTINUED = "$ ", "> "


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A block of code: where it begins, its language, its text, and the paragraph before it."""

    page: Path
    line: int
    language: str
    text: str
    before: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command that a reader types, and the output that the page shows below it."""

    page: Path
    line: int
    text: str
    output: tuple[str, ...]


def written() -> list[Path]:
    """Return every page that is written by hand: the documentation, and the project's other Markdown files."""
    others = [PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    use_cases = sorted((PROJECT / "include/usecases").glob("*/README.md"))
    return [*others, *use_cases, *(page for page in documented() if page.relative_to(DOCS).parts[0] not in GENERATED)]


def documented() -> list[Path]:
    """Return every page under docs/."""
    return sorted(DOCS.rglob("*.md"))


def executed() -> list[Path]:
    """Return the pages whose commands CI runs, in the order in which a reader meets them."""
    return [page for folder in EXECUTED for page in sorted((DOCS / folder).rglob("*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of code of a page."""
    text = page.read_text()
    for match in _FENCE.finditer(text):
        yield Block(
            page=page,
            line=text.count("\n", 0, match.start()) + 1,
            language=match["language"],
            text=match["text"],
            before=text[: match.start()].rstrip().rpartition("\n\n")[2],
        )


def commands(page: Path) -> Iterator[Command]:
    """Yield the commands of the page's `console` blocks: lines after a prompt, continued after `>`."""
    for block in blocks(page):
        if block.language != "console":
            continue
        words: list[str] = []
        output: list[str] = []
        start = block.line
        for number, line in enumerate(block.text.splitlines(), start=block.line + 1):
            if line.startswith(_PROMPT):
                if words:
                    yield _command(page, start, words, output)
                words, output, start = [line.removeprefix(_PROMPT)], [], number
            elif line.startswith(_CONTINUED) and not output:
                words.append(line.removeprefix(_CONTINUED))
            else:
                output.append(line)
        if words:
            yield _command(page, start, words, output)


def _command(page: Path, line: int, words: list[str], output: list[str]) -> Command:
    return Command(page=page, line=line, text="\n".join(words), output=tuple(output))
