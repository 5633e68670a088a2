"""`ratchet data`: show table versions and tables as of a night, and vacuum unused files."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from include.cli.console import UseCaseName, report_errors, with_warehouse
from ml.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from include.steps.features.table_versions import VersionReference
    from ml.governance.privacy import PrivacyClass

app = typer.Typer(help="Tables as of a night, and their versions.", no_args_is_help=True)
_ROWS_SHOWN, _CELL_WIDTH, _CONSOLE_WIDTH = 4, 20, 120


@app.command()
@report_errors
@with_warehouse
def as_of(
    use_case: UseCaseName,
    moment: Annotated[str, typer.Argument(help="A night (2013-02-08), or a version of a table (7).")],
    table: Annotated[str, typer.Option(help="Show rows of this table, e.g. valid/rides.")] = "",
    out: Annotated[Path | None, typer.Option(help="The Parquet file to write all rows of the table to.")] = None,
    show_personal: Annotated[bool, typer.Option(help="Do not mask personal columns.")] = False,
) -> None:
    """Show the table versions that were read for a night, or the rows of one table at that version."""
    from include.steps.features import table_versions

    if not table:
        if moment.isdecimal() or out is not None:
            raise RequestError(f"expected --table with a version or with --out: name one of the tables of {use_case}")
        _print_versions(table_versions.list_references(use_case, moment))
        return
    version = int(moment) if moment.isdecimal() else table_versions.version_at(use_case, moment, table).version
    rows, classes = table_versions.rows(use_case, table, version, show_personal=show_personal)
    if out is not None:
        rows.to_parquet(out, index=False)
        Console().print(f"{len(rows)} rows of {table} as of version {version}: {out}", soft_wrap=True, highlight=False)
        return
    Console().print(f"{table}, version {version}: {len(rows)} rows, newest first", highlight=False)
    _print_rows(rows.head(_ROWS_SHOWN), classes)


@app.command()
@report_errors
@with_warehouse
def vacuum(
    use_case: UseCaseName,
    keep_nights: Annotated[int, typer.Option(min=1, help="Also keep the versions that the last nights needed.")] = 7,
    dry_run: Annotated[bool, typer.Option(help="Only report what would be removed.")] = False,
) -> None:
    """Remove files that no referenced version needs; the ledger, lineage and published scores reference versions."""
    from include.steps.features import table_versions

    files_header = "files to remove" if dry_run else "files removed"
    table = Table("table", "versions kept", files_header, box=box.SIMPLE)
    for each in table_versions.vacuum(use_case, keep_nights, dry_run=dry_run):
        table.add_row(each.table, str(len(each.kept)), str(len(each.files)))
    _console().print(table)


def _console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=_CONSOLE_WIDTH)


def _print_versions(versions: "Iterable[VersionReference]") -> None:
    table = Table("stage", "table", "version", "written in", "input of", box=box.SIMPLE)
    for each in versions:
        product = each.product if "@" in each.product else each.product[:12]
        table.add_row(each.stage, each.table, str(each.version), each.source, product)
    _console().print(table)


def _print_rows(rows: "pd.DataFrame", classes: "Mapping[str, PrivacyClass]") -> None:
    """Print one line for each column, with its privacy class, because a table may be wider than the terminal."""
    table = Table(box=box.SIMPLE)
    table.add_column("column", no_wrap=True)
    for header in ("class", *(f"row {number}" for number in range(1, len(rows) + 1))):
        table.add_column(header)
    for name in rows.columns:
        cells = (escape(f"{value!s:.{_CELL_WIDTH}}") for value in rows[name])
        table.add_row(str(name), classes[str(name)], *cells)
    _console().print(table)
