"""`ratchet quarantine`: what is held back and why, and to judge it again after a fix."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from include.cli.console import at_home, plainly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.stores.warehouse import File
    from ml.periods import Period

app = typer.Typer(help="Rows and files that broke their contract.", no_args_is_help=True)

UseCaseName = Annotated[str, typer.Argument(help="A folder of include/usecases.")]
Nights = Annotated[str | None, typer.Option("--nights", help="A night or a window; all nights, when left out.")]


@app.command(name="list")
@plainly
@at_home
def list_held(use_case: UseCaseName = "flights", window: Nights = None) -> None:
    """List the files of which rows, or all, are held."""
    from include.steps.ingest import quarantine

    asked = _parsed(window)
    files = quarantine.held(use_case, *((asked.first, asked.last) if asked else (None, None)))
    Console().print(listed(use_case, files) if files else "nothing is held")


@app.command()
@plainly
@at_home
def show(
    use_case: Annotated[str, typer.Argument(help="A folder of include/usecases.")],
    nights: Annotated[str, typer.Argument(help="A night or a window.")],
    table: Annotated[str | None, typer.Option(help="Only this table.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many rows.", min=1)] = 20,
    show_personal: Annotated[bool, typer.Option("--show-personal", help="Do not mask personal columns.")] = False,
) -> None:
    """Show the held rows of some nights: file, line, reasons, and the text as it came."""
    from include.steps.ingest import quarantine

    found = quarantine.rows(use_case, nights, table, show_personal=show_personal)
    console = Console()
    for row in found.head(limit).itertuples():
        console.print(Text(f"{row.file}, line {row.line}: {row.reasons}", style="yellow"), soft_wrap=True)
        console.print(Text(f"    {row.text}"), soft_wrap=True)
    console.print(f"{min(limit, len(found))} of {len(found)} rows" if len(found) else "nothing is held")


@app.command()
@plainly
@at_home
def replay(use_case: UseCaseName = "flights", window: Nights = None) -> None:
    """Judge again what is held, after a fix of the contract or of a file; features and labels follow."""
    from include.steps.ingest import quarantine

    asked = _parsed(window)
    console = Console()
    replayed = quarantine.replay(use_case, *((asked.first, asked.last) if asked else (None, None)))
    for each in replayed:
        console.print(f"{each.period}: {each.before} rows were held, {each.after} are", highlight=False)
    if not replayed:
        console.print("nothing is held, so nothing was judged again")
    if left := quarantine.unscored(use_case, replayed):
        console.print(left, highlight=False, soft_wrap=True)


def listed(use_case: str, files: "Sequence[File]") -> Table:
    """Return a line for each file: what came, what is held, and its reason, or the commonest one of its rows."""
    from include.steps.ingest import quarantine

    table = Table(box=None, pad_edge=False)
    for name in ("nights", "file", "verdict", "rows in", "held"):
        table.add_column(name, no_wrap=True)
    table.add_column("reason")
    for each in files:
        counts = (f"{each.rows_in:,}", f"{each.rows_quarantined:,}")
        table.add_row(each.period, Text(each.name), str(each.verdict), *counts, Text(quarantine.why(use_case, each)))
    return table


def _parsed(window: str | None) -> "Period | None":
    from ml import periods

    return None if window is None else periods.parse(window)
