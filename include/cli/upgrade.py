"""`ratchet upgrade`: upgrade a home that an earlier release created."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from include.cli.console import report_errors
from include.settings import load_settings


@report_errors
def upgrade(
    assume_idle: Annotated[bool, typer.Option(help="Do not check that nothing is running.")] = False,
) -> None:
    """Upgrade this home from an earlier release, and report each change.

    Make a backup first, and stop everything that uses the home. After an interruption, the same command continues.
    """
    from include.steps import upgrade as upgrading

    changed = False
    for sentence in upgrading.upgrade(load_settings(), datetime.now(UTC), assume_idle=assume_idle):
        typer.echo(sentence)
        changed = True
    typer.echo("up to date" if changed else "nothing to do: this home is up to date")
