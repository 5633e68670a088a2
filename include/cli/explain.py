"""`ratchet explain`: explain the score of an entity."""

from typing import Annotated

import typer

from include.cli.console import ModelName, report_errors, takes_horizon, with_warehouse


@takes_horizon
@report_errors
@with_warehouse
def explain(
    use_case: ModelName,
    night: Annotated[str, typer.Argument(help="The night of the score.")],
    entity: Annotated[str, typer.Argument(help="The entity id, as in the table of scores.")],
) -> None:
    """Explain a stored score: package, features with sources and contributions, calibration, threshold, decision."""
    from include.steps.score import explain as step

    typer.echo(step.explain(use_case, night, entity))
