"""`ratchet export`: export a package as a wheel or as ONNX, for BentoML or for SageMaker."""

from pathlib import Path
from typing import Annotated

import typer

from include.cli.console import report_errors, with_warehouse
from include.steps.train.export import ExportFormat


@report_errors
@with_warehouse
def export(
    package: Annotated[
        str, typer.Argument(help="The digest of a package or its beginning, or a use case for its champion.")
    ],
    to: Annotated[
        ExportFormat,
        typer.Option(
            help="A wheel that only needs NumPy, a graph for any ONNX runtime, the folder of a BentoML service, or the "
            "archive for the model server on SageMaker."
        ),
    ],
    into: Annotated[Path, typer.Option(help="The folder to write into.")] = Path(),
) -> None:
    """Export a package for the edge or another platform, with its preprocessing, calibration and golden rows."""
    from include.steps.train import export as step

    typer.echo(str(step.export(package, to, into)))
