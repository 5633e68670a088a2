"""`ratchet ingest`: ingest a night by hand, and report the result for every file."""

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from include.cli import nights
from include.cli import quarantine as quarantine_commands
from include.cli.console import report_errors


@report_errors
def ingest(
    use_case: Annotated[str, typer.Argument(help="A folder of include/usecases.")],
    night: Annotated[str, typer.Argument(help="A night (2013-02-08), or a window of nights to ingest at once.")],
) -> None:
    """Ingest a night and build its features, as the DAG does; fails when a whole file is quarantined."""
    from include import usecases
    from include.settings import load_settings
    from include.steps import before_history
    from include.steps.ingest import nightly as step
    from include.steps.ingest import quarantine
    from include.stores import warehouse

    case, settings, console = usecases.get(use_case), load_settings(), Console()
    period = nights.past(case.name, night)
    warehouse.migrate(settings.warehouse_url)
    result = step.run(case.name, str(period))
    if warning := before_history.warn(case.name, str(period)):
        console.print(Text(f"warning: {warning}", style="yellow"), soft_wrap=True)
    engine = warehouse.engine(settings.warehouse_url)
    files = warehouse.files(engine, case.name, str(period))
    console.print(quarantine_commands.files_table(case.name, files))
    for alert in warehouse.alerts(engine, case.name, period.last, period.last):
        if alert.kind == "warning":
            console.print(Text(f"warning, {alert.subject}: {alert.message}", style="yellow"), soft_wrap=True)
    console.print(
        f"{result.rows_in:,} rows in, {result.rows_valid:,} valid, {result.rows_quarantined:,} quarantined; "
        f"features of {result.entities:,} entities. The DAG {case.name}_score scores them, for {period}",
        soft_wrap=True,
        highlight=False,
    )
    if result.rows_quarantined:
        console.print(f"The rows: ratchet quarantine show {case.name} {period}", soft_wrap=True, highlight=False)
    if any(quarantine.is_fully_quarantined(each) for each in files):
        raise typer.Exit(1)
