"""`ratchet features`: register, build and materialize features, and check their parity."""

import getpass
from typing import Annotated

import typer
from rich.console import Console

from include import usecases
from include.cli import nights as cli_nights
from include.cli.console import ModelName, UseCaseName, report_errors, takes_horizon, with_warehouse
from ml.errors import RequestError

app = typer.Typer(help="The feature store: register, build, materialize, compare.", no_args_is_help=True)

Night = Annotated[str, typer.Argument(help="A night (2013-02-08).")]
_WHO = "The name of the person who is responsible; the user of this machine if omitted."


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

    cli_nights.past(use_case, nights)
    Console().print(f"{feature_build.build(use_case, nights)} entities of {nights} have features", highlight=False)


@app.command()
@report_errors
@with_warehouse
def materialize(
    use_case: UseCaseName,
    night: Night,
    why: Annotated[
        str, typer.Option(help="The reason, for the ledger, to serve a night without published scores.")
    ] = "",
    who: Annotated[str, typer.Option(help=_WHO)] = "",
) -> None:
    """Materialize a night's features and export its snapshot, as the DAG does; the night needs published scores."""
    from include.steps.features import materialize as step

    cli_nights.past(use_case, night)
    if why:
        step.override(use_case, night, who or getpass.getuser(), why)
    Console().print(f"{step.materialize(use_case, night)} entities of {night} can be served", highlight=False)


@app.command()
@report_errors
@with_warehouse
def withdraw(
    use_case: UseCaseName,
    night: Night,
    why: Annotated[str, typer.Option(help="The reason, for the ledger.")],
    who: Annotated[str, typer.Option(help=_WHO)] = "",
) -> None:
    """Withdraw the snapshot of a night from the servers; they go back to the newest night before it."""
    from include.steps.features import materialize as step

    served = step.withdraw(use_case, night, who or getpass.getuser(), why)
    Console().print(
        f"the snapshot of {night} is withdrawn; servers answer from {served or 'no snapshot'}",
        highlight=False,
        soft_wrap=True,
    )


@app.command()
@report_errors
@with_warehouse
def parity(use_case: UseCaseName, night: Night) -> None:
    """Compare a sample of a night's features from every source, and list the differences."""
    from include.settings import load_settings
    from include.steps.features import parity as step
    from include.stores import warehouse

    console = Console()
    night_date = cli_nights.past(use_case, night).last
    mismatches = step.check(use_case, night)
    alerts = warehouse.alerts(warehouse.engine(load_settings().warehouse_url), use_case, night_date, night_date)
    for alert in (each for each in alerts if each.kind == step.ALERT_KIND):
        console.print(alert.message, highlight=False, soft_wrap=True, markup=False)
    console.print(f"{mismatches} values differ", highlight=False)


@app.command()
@takes_horizon
@report_errors
@with_warehouse
def snapshot(
    use_case: ModelName,
    name: Annotated[str, typer.Argument(help="The snapshot, as the prediction log and `/readyz` name it.")],
    entity: Annotated[str, typer.Option(help="Print the features of this entity.")] = "",
    show_personal: Annotated[bool, typer.Option(help="Do not mask personal features.")] = False,
) -> None:
    """Build a published snapshot again from the table versions that it pins, and compare the two to the bit."""
    from include.steps.features import snapshot_archive
    from ml.features import snapshots

    console, rebuilt = Console(), snapshot_archive.rebuild(use_case, name)
    built = rebuilt.snapshot
    pinned = ", ".join(f"{table}@{version}" for table, version in snapshots.tables(built).items())
    console.print(
        f"{name}: {len(built.row_index)} entities from {pinned}: "
        f"{'equal to what was served' if rebuilt.is_equal else 'NOT equal to what was served'}",
        highlight=False,
        soft_wrap=True,
    )
    if entity:
        features, shown = built.lookup(entity), snapshots.shown_features(built)
        if features is None:
            raise RequestError(
                f"expected an entity of {built.facts['night']}, got {entity!r}, which {name} does not have"
            )
        for feature, value in features.items():
            text = repr(value) if show_personal or feature in shown else "(personal)"
            console.print(f"{feature} = {text}", highlight=False, soft_wrap=True, markup=False)
    if not rebuilt.is_equal:
        raise typer.Exit(1)
