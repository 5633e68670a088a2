"""`ratchet serve`, `loadtest`, `rollback`, `freeze`, `unfreeze`, `sync-routing`, `flush-log`: servers and releases."""

import getpass
import secrets
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from include.cli import nights
from include.cli.console import (
    DEFAULT_USE_CASE,
    ModelName,
    UseCaseName,
    Who,
    Why,
    report_errors,
    takes_horizon,
    with_warehouse,
)
from include.steps.context import StepContext
from ml.errors import PackageError, RequestError, SetupError


@report_errors
def serve(use_case: UseCaseName = DEFAULT_USE_CASE) -> None:
    """Serve live requests until stopped; the variables RATCHET_SERVING_... set its limits and its address."""
    from include import ports, usecases
    from include.serving import __main__ as server
    from include.serving import config
    from include.settings import load_settings

    name, settings = usecases.get(use_case).name, load_settings()
    if not any(each.is_dir() for each in (settings.home, settings.routes, settings.packages)):
        raise SetupError(
            f"nothing has run in this home yet: expected packages and routes in {settings.home}, which does not exist. "
            f"`make run USE_CASE={name}` trains and releases a model; if it ran in another home, set RATCHET_HOME to it"
        )
    serving_config = config.load()
    ports.check_port(serving_config.host, serving_config.port, "RATCHET_SERVING_PORT")
    server.main(name)


@takes_horizon
@report_errors
def loadtest(
    use_case: ModelName = DEFAULT_USE_CASE,
    to: Annotated[str, typer.Option(help="The address of a server.")] = "http://127.0.0.1:8000",
    rate: Annotated[float, typer.Option(help="Requests per second.")] = 50.0,
    limit: Annotated[int, typer.Option(help="The number of requests; 0 for every entity once.")] = 0,
    night: Annotated[
        str | None,
        typer.Option(help="Replay the live day of this night, which is over, for a model of a live horizon."),
    ] = None,
) -> None:
    """Load-test a server with every entity of the newest snapshot, at a given request rate, and report the result.

    For the model of a live horizon, these are the entities between their cutoff and their event. With --night, the
    live snapshots of this night are published one after the other, and each entity is requested when its cutoff is
    reached. The requests are logged, and count in a canary, as those of other clients.
    """
    from include.settings import load_settings
    from include.steps.score import load_test
    from include.stores import warehouse

    if night is not None:
        nights.past(use_case, night)
        warehouse.open_existing(load_settings().warehouse_url)
    report = load_test.run(use_case, to, rate, limit, night, show=typer.echo)
    Console(soft_wrap=True).print(str(report), highlight=False, markup=False)


@takes_horizon
@report_errors
@with_warehouse
def rollback(
    use_case: ModelName,
    why: Why,
    who: Who = "",
) -> None:
    """Go back to the last champion, or abort the release under way; servers follow within a second."""
    from include.steps.release import rollback as step

    entry = step.roll_back(use_case, who or getpass.getuser(), why, secrets.token_hex(8))
    typer.echo(f"{entry.kind} (entry {entry.seq} of the ledger): {entry.subject}")


@takes_horizon
@report_errors
@with_warehouse
def freeze(
    use_case: ModelName,
    until: Annotated[datetime, typer.Option(help="When it ends (UTC).")],
    why: Why,
    since: Annotated[datetime | None, typer.Option(help="When it begins (UTC); now if omitted.")] = None,
    who: Who = "",
) -> None:
    """Freeze releases for a time; rollbacks stay possible."""
    from include.steps.release import freeze as step
    from ml.governance import ledger_entries
    from ml.governance.ledger_entries import Frozen

    first = datetime.now(UTC) if since is None else since.replace(tzinfo=UTC)
    entry = step.freeze(use_case, first, until.replace(tzinfo=UTC), who or getpass.getuser(), why)
    frozen_until = ledger_entries.read(entry, Frozen).until
    typer.echo(f"releases of {use_case} are frozen until {frozen_until} (entry {entry.seq} of the ledger)")


@takes_horizon
@report_errors
@with_warehouse
def unfreeze(
    use_case: ModelName,
    why: Why,
    who: Who = "",
) -> None:
    """End the active freeze."""
    from include.steps.release import freeze as step

    entry = step.unfreeze(use_case, who or getpass.getuser(), why)
    typer.echo(f"releases of {use_case} are possible again (entry {entry.seq} of the ledger)")


@takes_horizon
@report_errors
@with_warehouse
def sync_routing(use_case: ModelName = DEFAULT_USE_CASE) -> None:
    """Make the servers and the registry follow the ledger again, and report what was wrong in the registry."""
    from include import usecases
    from include.settings import load_settings
    from include.steps import release_state
    from include.stores import packages

    case, settings = usecases.get(use_case), load_settings()
    context = StepContext(case=case, settings=settings)
    routing = release_state.current(context).routing
    if routing is None:
        raise RequestError(f"{case.name} has no champion yet, so there is nothing to route: train one and release it")
    for sentence in release_state.sync(context):
        typer.echo(sentence)
    Console().print_json(data=routing.to_json())
    stored = packages.stored(settings.packages)
    if gone := [each for each in routing.packages if each not in stored]:
        raise PackageError(
            f"the ledger routes {case.name} to the package {' and '.join(gone)}, which is not in {settings.packages}: "
            f"restore it from a backup, or go back to another model (`ratchet rollback {case.name} --why ...`)"
        )


@takes_horizon
@report_errors
@with_warehouse
def flush_log(use_case: ModelName = DEFAULT_USE_CASE) -> None:
    """Move the servers' logged predictions into the lake."""
    from include.steps.score import prediction_log

    typer.echo(f"{prediction_log.collect(use_case)} predictions")
