"""`ratchet forget`: remove all data of one use case."""

from typing import Annotated

import typer

from include.cli.console import report_errors, with_warehouse
from ml.errors import RequestError


@report_errors
@with_warehouse
def forget(
    use_case: Annotated[str, typer.Argument(help="The use case; its folder in include/usecases may be gone already.")],
    who: Annotated[str, typer.Option(help="The name of the person who is responsible.")],
    why: Annotated[str, typer.Option(help="The reason, for the ledger.")],
    landing: Annotated[bool, typer.Option(help="Also remove the landed files.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    assume_idle: Annotated[bool, typer.Option(help="Do not check that nothing of it is running.")] = False,
) -> None:
    """Remove all data of a use case but its landed files; the ledger keeps its entries, which no longer count.

    Other use cases are not touched. The next run begins anew. After an interruption, the same command continues.
    """
    from include import installation
    from include.steps import forget as step

    step.check_name(use_case)
    if not yes:
        _confirm(use_case, landing=landing)
    for each in step.forget(installation.current(), use_case, who, why, landing=landing, assume_idle=assume_idle):
        typer.echo(f"{each.name}: removed" if each.items is None else f"{each.name}: {each.items} removed")
    typer.echo(f"{use_case} is forgotten" + ("" if landing else "; its landed files are still there"))


def _confirm(use_case: str, *, landing: bool) -> None:
    """Ask for the name of the use case; raises RequestError for another one."""
    also = " and its landed files" if landing else ""
    given = typer.prompt(f"This removes all tables, scores, packages, runs and reports of {use_case}{also}. Its name")
    if given.strip() != use_case:
        raise RequestError(f"expected {use_case!r} as confirmation, got {given!r}: nothing was removed")
