"""`ratchet prune`: remove what is past its retention and not needed any more."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from include.cli.console import report_errors, table_console, with_warehouse
from ml.governance.pruning import PrunePlan

_MEGABYTE = 1e6


@report_errors
@with_warehouse
def prune(
    use_case: Annotated[str, typer.Argument(help="A folder of include/usecases; all of them if omitted.")] = "",
    dry_run: Annotated[bool, typer.Option(help="Only report what would be removed, and why the rest stays.")] = False,
) -> None:
    """Remove what is past its retention and not needed any more: old nights, versions, reports, candidates, logs.

    A use case declares its retention (`Retention`). Without a use case, the logs and Airflow's database are pruned too.
    """
    from include import installation, usecases
    from include.steps import prune as step
    from include.steps.prune import installation as shared

    declared = [usecases.get(use_case)] if use_case else map(usecases.get, usecases.names())
    for name in (model.name for case in declared for model in case.models):
        plans = step.prune(name, dry_run=dry_run)
        _print_plans(name, plans, dry_run=dry_run)
    if use_case:
        return
    pruned = shared.prune(installation.current(), datetime.now(UTC), dry_run=dry_run)
    _print_plans("installation", pruned.plans, dry_run=dry_run)
    if pruned.database_cleaned is None:
        typer.echo("Airflow's database cannot be reached from here: run this command beside its scheduler")
    elif pruned.database_cleaned:
        typer.echo("Airflow's database was cleaned with `airflow db clean`")


def _print_plans(title: str, plans: Iterable[PrunePlan], *, dry_run: bool) -> None:
    removed = "to remove" if dry_run else "removed"
    table = Table("part", "items", "MB", "oldest", "kept from", removed, "MB", "kept because", box=box.SIMPLE)
    for each in plans:
        because = "; ".join(f"{reason} ({count})" for reason, count in each.kept.items())
        table.add_row(
            each.part,
            f"{each.total:,}",
            _megabytes(each.total_bytes),
            str(each.oldest or ""),
            str(each.first_kept or "all"),
            f"{each.removed_count:,}",
            _megabytes(each.removed_bytes),
            because,
        )
    console = table_console()
    console.print(f"{title}:" if table.row_count else f"{title}: nothing was ingested yet", highlight=False)
    if table.row_count:
        console.print(table, highlight=False)


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / _MEGABYTE:,.1f}" if size_bytes else ""
