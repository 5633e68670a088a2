"""`ratchet ledger`: verify the ledger, and show the decisions with their reasons."""

import sys
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from include.cli.console import report_errors, with_warehouse
from ml.governance.ledger_entries import EntryKind

app = typer.Typer(help="The ledger of all decisions.", invoke_without_command=True)
_DIGEST_LENGTH, _SUBJECT_WIDTH, _CONSOLE_WIDTH = 64, 12, 160

UseCaseName = Annotated[str, typer.Option(help="Only entries of this use case.")]
KindFilter = Annotated[EntryKind | None, typer.Option(help="Only entries of this kind, e.g. judged.")]
Limit = Annotated[int, typer.Option(min=1, help="The number of entries to show.")]


@app.callback()
def verify_by_default(context: typer.Context) -> None:
    """Verify the ledger; `show` lists its entries."""
    if context.invoked_subcommand is None:
        verify()


@app.command()
@report_errors
@with_warehouse
def verify() -> None:
    """Verify the ledger's chain from its first entry to its last."""
    from include.settings import load_settings
    from include.stores import ledger, warehouse

    head = ledger.verify(warehouse.engine(load_settings().warehouse_url))
    Console().print(f"verified: no entry was changed; the last digest is {head}", soft_wrap=True)


@app.command()
@report_errors
@with_warehouse
def show(use_case: UseCaseName = "", kind: KindFilter = None, last: Limit = 20) -> None:
    """Show the latest decisions with their reasons, newest last."""
    from include import usecases
    from include.settings import load_settings
    from include.stores import ledger, warehouse
    from ml.governance import ledger_text

    case = usecases.get(use_case).name if use_case else None
    entries = ledger.entries(warehouse.engine(load_settings().warehouse_url), use_case=case, kind=kind, forgotten=True)
    table = Table("", "recorded (UTC)", "use case", "night", "kind", "subject", "decision and reason", box=box.SIMPLE)
    for each in entries[-last:]:
        subject = each.subject[:_SUBJECT_WIDTH] if len(each.subject) == _DIGEST_LENGTH else each.subject
        cells = (f"{each.recorded_at:%Y-%m-%d %H:%M}", each.use_case, str(each.night or ""), each.kind, subject)
        table.add_row(str(each.seq), *cells, Text(ledger_text.describe(each)))
    console = Console() if sys.stdout.isatty() else Console(width=_CONSOLE_WIDTH)
    console.print(table if entries else "no entries", highlight=False)
