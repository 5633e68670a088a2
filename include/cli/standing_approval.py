"""`ratchet standing-approval`: show what a standing approval still covers, and revoke it."""

import getpass

import typer
from rich.console import Console

from include.cli.console import DEFAULT_USE_CASE, ModelName, Who, Why, report_errors, takes_horizon, with_warehouse

app = typer.Typer(help="The approval of refreshes in advance, within bounds.", no_args_is_help=True)


@app.command()
@takes_horizon
@report_errors
@with_warehouse
def show(use_case: ModelName = DEFAULT_USE_CASE) -> None:
    """Show the terms of the newest standing approval that was given, and what is left of it."""
    from include.steps.adoption import standing_approval
    from include.steps.context import StepContext

    context = StepContext.load(use_case)
    approval = standing_approval.newest(context)
    lines = (
        [f"{context.case.name} has no standing approval: two people approve each model"]
        if approval is None
        else standing_approval.describe(approval, context)
    )
    for line in lines:
        Console().print(line, highlight=False, soft_wrap=True)


@app.command()
@takes_horizon
@report_errors
@with_warehouse
def revoke(
    use_case: ModelName,
    why: Why,
    who: Who = "",
) -> None:
    """Revoke every standing approval that has not ended; a release that relies on one is aborted."""
    from include.steps.release import standing_release

    revoked = standing_release.revoke(use_case, who or getpass.getuser(), why)
    for digest in revoked:
        typer.echo(f"revoked: {digest}")
    typer.echo(f"two people approve each model of {use_case} from now on")
