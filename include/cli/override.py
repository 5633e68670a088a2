"""`ratchet override`: override the gate for a challenger that it did not promote."""

from typing import Annotated

import typer

from include.cli.console import ModelName, report_errors, takes_horizon, with_warehouse


@takes_horizon
@report_errors
@with_warehouse
def override(
    use_case: ModelName,
    night: Annotated[str, typer.Argument(help="The night whose verdict is overridden.")],
    who: Annotated[str, typer.Option(help="The name of the person who is responsible.")],
    why: Annotated[str, typer.Option(help="The reason, for the ledger and for the approvers.")],
    days: Annotated[int, typer.Option(help="The number of days for which it is valid.")] = 7,
) -> None:
    """Let a challenger that the gate did not promote continue to the approvals; the ledger records who and why."""
    from include.steps.release import override as step
    from ml.governance import ledger_entries
    from ml.governance.ledger_entries import GateOverridden

    entry = step.override(use_case, night, who, why, days)
    until = ledger_entries.read(entry, GateOverridden).until
    typer.echo(
        f"package {entry.subject[:12]} may be released until {until}: start the DAG {use_case}_release "
        f"for the night {night}. It still needs both approvals"
    )
