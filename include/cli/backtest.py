"""`ratchet replay`: what other policies of retraining would have come to."""

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from include.cli.console import at_home, plainly, wide

_POLICIES = (
    "Separated by commas: never, every@28, triggers (the use case's own, each night), triggers@14 (looked at each 14 "
    "nights), triggers:calibration_gap=0.02@14, shadow:margin=0.005@14, hindsight@14."
)


@plainly
@at_home
def replay(
    use_case: Annotated[str, typer.Argument(help="A folder of include/usecases.")],
    first: Annotated[str, typer.Option("--from", help="The first night that is walked.")],
    last: Annotated[str, typer.Option("--to", help="The last one.")],
    policies: Annotated[str, typer.Option(help=_POLICIES)] = "never,every@28,triggers",
    gate: Annotated[bool, typer.Option(help="Let the gate decide which models are let in.")] = False,
    candidate: Annotated[str, typer.Option(help="The candidate that is trained; trees, when left out.")] = "",
    most_rows: Annotated[int, typer.Option(min=1, help="Rows to learn from, drawn from all the past.")] = 90_000,
    corrected: Annotated[bool, typer.Option(help="Calibrate answers as production does.")] = True,
    sensitivity: Annotated[bool, typer.Option(help="Walk thresholds around the triggers too.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that train; one a core, when left out.")] = None,
) -> None:
    """Walk nights again under policies of retraining and compare them; killed and started again, it goes on."""
    from include import usecases
    from include.report import backtest_report as report
    from include.settings import load_settings
    from include.steps import backtest as step
    from ml.retraining.backtest import tables

    console, case = wide(), usecases.get(use_case)
    asked = step.Asked(
        use_case=use_case,
        period=case.horizon.parse(f"{first}..{last}"),
        policies=policies,
        gate=gate,
        candidate=candidate,
        most_rows=most_rows,
        corrected=corrected,
        sensitivity=sensitivity,
        workers=workers,
    )
    with _progress() as progress:
        bar = progress.add_task("training", total=None)
        found = step.replay(asked, lambda done, known: progress.update(bar, completed=done, total=known))
    results = found.results
    against = (results.played[0].policy,)
    console.print(_table(tables.heads(results, against), tables.policies(results, against)))
    for name, fired, _ in tables.fired(results):
        console.print(f"{name}: above the threshold {fired}", highlight=False)
    if found.ages:
        console.print(_table(list(tables.AGES), tables.ages(found.ages)))
    console.print(report.made(found), highlight=False, soft_wrap=True)
    console.print(f"The page: {report.write(found, load_settings())}", highlight=False, soft_wrap=True)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


def _table(heads: list[str], rows: list[list[str]]) -> Table:
    table = Table()
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
