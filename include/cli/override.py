"""`ratchet override`: to let a challenger go on that the gate did not promote."""

from typing import Annotated

import typer

from include.cli.console import report_errors, with_warehouse


@report_errors
@with_warehouse
def override(
    use_case: Annotated[str, typer.Argument(help="A folder of include/usecases.")],
    night: Annotated[str, typer.Argument(help="The night whose verdict is overridden.")],
    who: Annotated[str, typer.Option(help="Who answers for it.")],
    why: Annotated[str, typer.Option(help="Why, for the ledger and for those who approve.")],
    days: Annotated[int, typer.Option(help="For how long it is good.")] = 7,
) -> None:
    """Let a challenger that the gate did not promote go on to the approvals; who and why go into the ledger."""
    from include.steps.release import override as step
    from ml.governance import ledger_entries
    from ml.governance.ledger_entries import GateOverridden

    entry = step.override(use_case, night, who, why, days)
    until = ledger_entries.read(entry, GateOverridden).until
    typer.echo(
        f"package {entry.subject[:12]} may be released until {until}: start the DAG {use_case}_release "
        f"for the night {night}. It still needs both approvals"
    )
