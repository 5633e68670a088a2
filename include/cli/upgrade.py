"""The command `ratchet upgrade`: a home that an earlier release made, brought up to date."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from include.cli.console import report_errors
from include.settings import load_settings


@report_errors
def upgrade(
    assume_idle: Annotated[
        bool, typer.Option(help="Do not check whether anything runs: I know that nothing does.")
    ] = False,
) -> None:
    """Upgrade this home, made by an earlier release, and report what was done.

    Make a backup first, and stop what runs on it. Stopped anywhere, the same command goes on from there.
    """
    from include.steps import upgrade as upgrading

    changed = False
    for sentence in upgrading.upgrade(load_settings(), datetime.now(UTC), assume_idle=assume_idle):
        typer.echo(sentence)
        changed = True
    typer.echo("up to date" if changed else "nothing to do: this home is up to date")
