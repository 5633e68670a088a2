"""`ratchet model-card`: verify a model card."""

from typing import Annotated

import typer

from include.cli.console import ModelName, report_errors, takes_horizon, with_warehouse

app = typer.Typer(help="Model cards.", no_args_is_help=True)

NightDate = Annotated[str, typer.Argument(help="The night as of which the model was trained.")]


@app.callback()
def group() -> None:
    """Keep `check` a subcommand."""


@app.command()
@takes_horizon
@report_errors
@with_warehouse
def check(use_case: ModelName, night: NightDate) -> None:
    """Verify every number of a model card against the ledger and the registry."""
    from include.steps.train import model_card as step

    step.check(use_case, night)
    typer.echo(f"the model card of {use_case} as of {night} agrees with the ledger and the registry")
