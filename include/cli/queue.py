"""`ratchet queue`: show the undecided challengers that are compared with the champion in shadow."""

from rich import box
from rich.table import Table

from include.cli.console import ModelName, report_errors, table_console, takes_horizon, with_warehouse


@takes_horizon
@report_errors
@with_warehouse
def queue(use_case: ModelName) -> None:
    """Show the shadow queue: undecided challengers of another recipe, their evidence, and what follows."""
    from include import usecases
    from include.dashboard import shadow_queue
    from include.settings import load_settings
    from include.stores import warehouse

    case, console = usecases.get(use_case), table_console()
    status = shadow_queue.gather(warehouse.engine(load_settings().warehouse_url), case)
    if status is None:
        console.print(f"no undecided challenger of {case.name} is in shadow", soft_wrap=True)
        return
    table = Table(*shadow_queue.HEADERS, box=box.SIMPLE)
    for each in status.rows:
        table.add_row(*each.cells)
    console.print(table, highlight=False)
    console.print(f"{status.summary}.", highlight=False, soft_wrap=True)
