"""`ratchet features`: register, build and materialize features, and check their parity."""

from typing import Annotated

import typer
from rich.console import Console

from include import usecases
from include.cli.console import report_errors, with_warehouse

app = typer.Typer(help="The feature store: register, build, materialize, compare.", no_args_is_help=True)

UseCaseName = Annotated[str, typer.Argument(help="A folder of include/usecases.")]
Night = Annotated[str, typer.Argument(help="A night (2013-02-08).")]


@app.command()
@report_errors
def apply(
    use_case: Annotated[str, typer.Argument(help="A folder of include/usecases; all if omitted.")] = "",
) -> None:
    """Register the current feature declarations; run it with every deployment, no DAG does it."""
    from include.steps.features import materialize

    for case in [usecases.get(use_case)] if use_case else usecases.all():
        new = materialize.apply(case.name)
        Console().print(f"{case.name}: {', '.join(new) or 'nothing new'}", highlight=False, soft_wrap=True)


@app.command()
@report_errors
def build(
    use_case: UseCaseName,
    nights: Annotated[str, typer.Argument(help="A night (2013-02-08) or nights (2013-01-01..2013-01-31).")],
) -> None:
    """Rebuild the features of landed nights with the current declarations."""
    from include.steps.features import build as feature_build

    Console().print(f"{feature_build.build(use_case, nights)} entities of {nights} have features", highlight=False)


@app.command()
@report_errors
@with_warehouse
def materialize(use_case: UseCaseName, night: Night) -> None:
    """Materialize a night's features and export its snapshot, as the DAG does."""
    from include.steps.features import materialize as step

    Console().print(f"{step.materialize(use_case, night)} entities of {night} can be served", highlight=False)


@app.command()
@report_errors
@with_warehouse
def parity(use_case: UseCaseName, night: Night) -> None:
    """Compare a sample of a night's features from every source, and list the differences."""
    from include.settings import load_settings
    from include.steps.features import parity as step
    from include.stores import warehouse

    case, console = usecases.get(use_case), Console()
    night_date = case.horizon.parse(night).last
    mismatches = step.check(use_case, night)
    alerts = warehouse.alerts(warehouse.engine(load_settings().warehouse_url), use_case, night_date, night_date)
    for alert in (each for each in alerts if each.kind == step.ALERT_KIND):
        console.print(alert.message, highlight=False, soft_wrap=True, markup=False)
    console.print(f"{mismatches} values differ", highlight=False)
