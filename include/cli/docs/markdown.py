"""Markdown for generated pages: short lines, and lists in place of wide tables."""

import inspect
import re
import textwrap
from collections.abc import Iterable

WIDTH = 120
_UNBREAKABLE = re.compile(r"`[^`\n]+`|\[[^]]*\]\([^)]*\)")


def page(title: str, *blocks: str) -> str:
    """Return a page: its title, then the blocks that are not empty, one blank line between them."""
    return "\n\n".join([f"# {title}", *(block.rstrip() for block in blocks if block.strip())]) + "\n"


def paragraph(text: str, indent: str = "") -> str:
    """Return a text wrapped at `WIDTH`; no word, link or code between backticks is broken.

    >>> paragraph("one `two three`")
    'one `two three`'
    """
    glued = _UNBREAKABLE.sub(lambda match: match[0].replace(" ", "\0"), " ".join(text.split()))
    wrapped = textwrap.fill(
        glued,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapped.replace("\0", " ")


def item(text: str) -> str:
    """Return a text as one item of a list, wrapped."""
    return "* " + paragraph(text, "  ").lstrip()


def items(texts: Iterable[str]) -> str:
    """Return a list."""
    return "\n".join(item(text) for text in texts)


def code(text: str, language: str = "") -> str:
    """Return a block of code."""
    return f"```{language}\n{text.rstrip()}\n```"


def table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table. A bar inside a cell is escaped."""

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    first = list(headings)
    return "\n".join([line(first), "|" + "---|" * len(first), *(line(row) for row in rows)])


def docstring(text: str | None) -> str:
    """Return a docstring as Markdown: paragraphs and lists wrapped, examples (`>>>`) as code."""
    blocks = re.split(r"\n\s*\n", inspect.cleandoc(text or ""))
    return "\n\n".join(_block(block) for block in blocks if block.strip())


def _block(block: str) -> str:
    if block.startswith(">>>"):
        return code(block, "python")
    if block.startswith("* "):
        return items(part for part in re.split(r"(?m)^\* ", block) if part.strip())
    return paragraph(block)
