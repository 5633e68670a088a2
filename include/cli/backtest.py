"""`ratchet backtest`: compare retraining policies on past nights."""

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from include.cli import nights
from include.cli.console import ModelName, report_errors, table_console, takes_horizon, with_warehouse

_POLICIES_HELP = (
    "Separated by commas: never, every@28, triggers (the use case's own, evaluated every night), "
    "triggers@14 (evaluated every 14 nights), triggers:calibration_gap=0.02@14, shadow:margin=0.005@14, hindsight@14; "
    "+recalibrate after any of them recalibrates its scores between trainings."
)


@takes_horizon
@report_errors
@with_warehouse
def backtest(
    use_case: ModelName,
    first: Annotated[str, typer.Option("--from", help="The first night.")],
    last: Annotated[str, typer.Option("--to", help="The last night.")],
    policies: Annotated[str, typer.Option(help=_POLICIES_HELP)] = "never,every@28,triggers",
    gate: Annotated[bool, typer.Option(help="Let the gate decide which models are released.")] = False,
    candidate: Annotated[str, typer.Option(help="The candidate to train; trees if omitted.")] = "",
    first_candidate: Annotated[str, typer.Option(help="The candidate of the first model, if another one.")] = "",
    allowance: Annotated[
        int | None,
        typer.Option(min=0, help="With --gate: how many refreshes are adopted unproven; as declared if omitted."),
    ] = None,
    max_rows: Annotated[int, typer.Option(min=1, help="Training rows, sampled from all earlier nights.")] = 90_000,
    calibrated: Annotated[bool, typer.Option(help="Calibrate scores as in production.")] = True,
    sensitivity: Annotated[bool, typer.Option(help="Also try thresholds around those of the triggers.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Training processes; one per core if omitted.")] = None,
) -> None:
    """Backtest retraining policies on past nights and compare them; after an interruption, it continues."""
    from include import usecases
    from include.report import backtest_report as report
    from include.settings import load_settings
    from include.steps import backtest as step
    from ml.retraining.backtest import tables

    console, case = table_console(), usecases.get(use_case)
    request = step.BacktestRequest(
        use_case=use_case,
        period=nights.past(case.name, f"{first}..{last}"),
        policies=policies,
        gate=gate,
        candidate=candidate,
        first=first_candidate,
        allowance=allowance,
        max_rows=max_rows,
        calibrated=calibrated,
        sensitivity=sensitivity,
        workers=workers,
    )
    with _progress() as progress:
        bar = progress.add_task("training", total=None)
        run = step.run(request, lambda done, total: progress.update(bar, completed=done, total=total))
    results = run.results
    reference = (results.policies[0].policy,)
    console.print(_table(tables.headers(results, reference), tables.policy_rows(results, reference)))
    for name, fired, _ in tables.fired_triggers(results):
        console.print(f"{name}: above the threshold {fired}", highlight=False)
    if run.ages:
        console.print(_table(list(tables.AGE_HEADERS), tables.age_rows(run.ages)))
    console.print(report.describe_method(run), highlight=False, soft_wrap=True)
    console.print(f"The report: {report.write(run, load_settings())}", highlight=False, soft_wrap=True)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


def _table(headers: list[str], rows: list[list[str]]) -> Table:
    table = Table()
    for index, header in enumerate(headers):
        table.add_column(header, justify="left" if index == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
