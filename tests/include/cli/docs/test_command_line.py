"""The page of the command line has every command with every option."""

from typing import Annotated

import typer

from include.cli import main
from include.cli.docs import command_line

COMMAND = typer.main.get_command(main.app)
PAGE = command_line.page(COMMAND)


def greet(
    name: Annotated[str, typer.Argument(help="Whom.")],
    times: Annotated[int, typer.Option(help="How often.")] = 1,
    loud: Annotated[bool, typer.Option(help="In capitals.")] = False,
) -> None:
    """Greet somebody."""


def test_every_command_has_a_section() -> None:
    words = [" ".join(words) for words, _ in command_line.walk(COMMAND, ("ratchet",))]
    assert {"ratchet run", "ratchet ledger", "ratchet ledger show", "ratchet data as-of"} <= set(words)
    assert [each for each in words if f"\n## {each}\n" not in PAGE] == []


def test_every_option_is_described() -> None:
    for _, command in command_line.walk(COMMAND, ("ratchet",)):
        assert all(f"`{option}" in PAGE for each in command.params for option in each.opts if option.startswith("-"))


def test_a_section_has_usage_types_and_defaults() -> None:
    app = typer.Typer(add_completion=False)
    app.command()(greet)
    assert command_line.section(("greet",), typer.main.get_command(app)).split("\n\n") == [
        "## greet",
        "Greet somebody.",
        "```\ngreet NAME [--times TIMES] [--loud/--no-loud]\n```",
        "* `NAME` (text, required): Whom.\n* `--times` (a whole number, default `1`): How often.\n"
        "* `--loud/--no-loud` (a switch): In capitals.",
    ]
