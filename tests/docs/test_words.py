"""Every `ratchet` command that any page shows exists, with its options; so does every target of `make`."""

import re
import shlex
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import typer

from include.cli import main
from include.settings import PROJECT
from tests.docs import pages

COMMAND = typer.main.get_command(main.app)
PAGES = [
    page
    for page in dict.fromkeys([*pages.written(), *pages.documented()])
    if page.name not in ("CHANGELOG.md", "cli.md")
]
INLINE = re.compile(r"`((?:\.venv/bin/)?ratchet [^`]+|make [a-z][^`]*)`", re.DOTALL)
TARGETS = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
ENDS = {"#", "|", "&&", ";", "||", ">"}


def shown(page: Path) -> Iterator[str]:
    """Yield each command line that a page shows, in a block or in a sentence."""
    for block in pages.blocks(page):
        for line in block.text.replace("\\\n", " ").splitlines():
            match = re.search(r"(?:^\s*(?:\$ )?(?:[A-Z_]+=\S+ )*|&& |; )((?:\.venv/bin/)?ratchet .*|make .*)$", line)
            if match and block.language in ("", "sh", "bash", "console"):
                yield match[1]
    for text in INLINE.findall(page.read_text()):
        yield " ".join(text.split())


def alternatives(line: str) -> Iterator[list[str]]:
    """Yield the words of a command line; `list|show` stands for one command with each of the words."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:  # an apostrophe in a comment
        words = line.partition("#")[0].split()
    end = next((index for index, word in enumerate(words) if word in ENDS), len(words))
    choices = [word.split("|") if re.fullmatch(r"[a-z-]+(\|[a-z-]+)+", word) else [word] for word in words[:end]]
    yield from map(list, product(*choices))


def fault(words: list[str]) -> str | None:
    """Return why a command line of `ratchet` cannot be run; None if it can."""
    command: Any = COMMAND
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    if not words or words[0].startswith("..."):
        return None
    if getattr(command, "commands", {}):
        return f"no command {words[0]!r}"
    options = {option: each for each in command.params for option in (*each.opts, *each.secondary_opts)}
    positional, rest = 0, iter(words)
    for word in rest:
        if not word.startswith("--"):
            positional += 1
        elif (name := word.partition("=")[0]) != "--help":
            if name not in options:
                return f"no option {name}"
            if "=" not in word and options[name].type_descriptor.annotation is not bool:
                next(rest, None)
    arguments = [each for each in command.params if not each.opts[0].startswith("-")]
    return f"{positional} arguments, expected at most {len(arguments)}" if positional > len(arguments) else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_command_exists_with_its_options(page: Path) -> None:
    faults = []
    for line in shown(page):
        for program, *words in alternatives(line.replace("<", "'").replace(">", "'") if "<" in line else line):
            if program == "make":
                unknown = [word for word in words[:1] if re.fullmatch(r"[a-z-]+", word) and word not in TARGETS]
                faults += [f"{line}: no target {word}" for word in unknown[:1]]
            elif why := fault(words):
                faults.append(f"{line}: {why}")
    assert faults == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("champion flights --at 2013-01-01", None),
        ("ledger show --use-case flights --kind judged", None),
        ("ledger", None),
        ("data as-of flights 2013-02-08 --table valid/weather", None),
        ("play flights", "no command 'play'"),
        ("champion flights --when now", "no option --when"),
        ("champion flights again", "2 arguments, expected at most 1"),
        ("ledger tell", "no command 'tell'"),
    ],
)
def test_a_wrong_command_is_found(line: str, why: str | None) -> None:
    assert fault(shlex.split(line)) == why
