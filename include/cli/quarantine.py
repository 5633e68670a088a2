"""`ratchet quarantine`: list quarantined rows and files with their reasons, and validate them again after a fix."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from include.cli.console import DEFAULT_USE_CASE, UseCaseName, report_errors, with_warehouse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.stores.warehouse import FileRevision
    from ml.usecase.periods import Period

app = typer.Typer(help="Rows and files that violate their contract.", no_args_is_help=True)

Nights = Annotated[str | None, typer.Option("--nights", help="A night or a window; all nights if omitted.")]


@app.command(name="list")
@report_errors
@with_warehouse
def list_quarantined(use_case: UseCaseName = DEFAULT_USE_CASE, window: Nights = None) -> None:
    """List the files that are quarantined or have quarantined rows."""
    from include.steps.ingest import quarantine

    period = _parse_window(window)
    files = quarantine.list_files(use_case, *((period.first, period.last) if period else (None, None)))
    Console().print(files_table(use_case, files) if files else "nothing is quarantined")


@app.command()
@report_errors
@with_warehouse
def show(
    use_case: Annotated[str, typer.Argument(help="A folder of include/usecases.")],
    nights: Annotated[str, typer.Argument(help="A night or a window.")],
    table: Annotated[str | None, typer.Option(help="Only this table.")] = None,
    limit: Annotated[int, typer.Option(help="The largest number of rows to show.", min=1)] = 20,
    show_personal: Annotated[bool, typer.Option("--show-personal", help="Do not mask personal columns.")] = False,
) -> None:
    """Show the quarantined rows of some nights: file, line, reasons, and the original text."""
    from include.steps.ingest import quarantine

    rows = quarantine.rows(use_case, nights, table, show_personal=show_personal)
    console = Console()
    for row in rows.head(limit).itertuples():
        console.print(Text(f"{row.file}, line {row.line}: {row.reasons}", style="yellow"), soft_wrap=True)
        console.print(Text(f"    {row.text}"), soft_wrap=True)
    console.print(f"{min(limit, len(rows))} of {len(rows)} rows" if len(rows) else "nothing is quarantined")


@app.command()
@report_errors
@with_warehouse
def reprocess(use_case: UseCaseName = DEFAULT_USE_CASE, window: Nights = None) -> None:
    """Validate quarantined periods again after a fix of the contract or a file, and rebuild features and labels."""
    from include.steps.ingest import quarantine

    period = _parse_window(window)
    console = Console()
    reprocessed = quarantine.reprocess(use_case, *((period.first, period.last) if period else (None, None)))
    for each in reprocessed:
        console.print(f"{each.period}: {each.before} rows were quarantined, now {each.after}", highlight=False)
    if not reprocessed:
        console.print("nothing is quarantined, so nothing was validated again")
    if message := quarantine.describe_unscored(use_case, reprocessed):
        console.print(message, highlight=False, soft_wrap=True)


def files_table(use_case: str, files: "Sequence[FileRevision]") -> Table:
    """Return a table with one row per file: counts, and the file's reason or the most frequent reason of its rows."""
    from include.steps.ingest import quarantine

    table = Table(box=None, pad_edge=False)
    for name in ("nights", "file", "status", "rows in", "quarantined"):
        table.add_column(name, no_wrap=True)
    table.add_column("reason")
    for each in files:
        counts = (f"{each.rows_in:,}", f"{each.rows_quarantined:,}")
        table.add_row(
            each.period, Text(each.name), str(each.status), *counts, Text(quarantine.describe_reason(use_case, each))
        )
    return table


def _parse_window(window: str | None) -> "Period | None":
    from ml.usecase import periods

    return None if window is None else periods.parse(window)
