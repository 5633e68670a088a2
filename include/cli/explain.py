"""`ratchet explain`: why an entity got its score."""

from typing import Annotated

import typer

from include.cli.console import report_errors, with_warehouse


@report_errors
@with_warehouse
def explain(
    use_case: Annotated[str, typer.Argument(help="A folder of include/usecases.")],
    night: Annotated[str, typer.Argument(help="The night of the score.")],
    entity: Annotated[str, typer.Argument(help="The entity, as the table of scores names it.")],
) -> None:
    """Explain a stored score: package, features with sources and contributions, calibration, threshold, decision."""
    from include.steps.score import explain as step

    typer.echo(step.explain(use_case, night, entity))
