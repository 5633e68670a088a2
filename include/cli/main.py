"""The console script `ratchet`."""

import json
import signal
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from include import usecases
from include.cli import (
    backtest,
    card,
    data,
    deploy,
    explain,
    export,
    features,
    forget,
    ingest,
    migrate,
    nights,
    override,
    prune,
    quarantine,
    queue,
    scores,
    serving,
    standing_approval,
    upgrade,
)
from include.cli import ledger as ledger_commands
from include.cli.console import (
    DEFAULT_USE_CASE,
    ModelName,
    UseCaseName,
    print_error,
    table_console,
    takes_horizon,
    with_warehouse,
)
from include.cli.console import report_errors as _plainly
from include.settings import Settings, load_settings
from ml.errors import DeclarationError, RatchetError

if TYPE_CHECKING:
    from include.platform.local.processes import LocalStack

app = typer.Typer(
    help="From raw files to nightly scores, with a gate that lets no worse model in.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command(name="ingest")(ingest.ingest)
app.add_typer(ledger_commands.app, name="ledger")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(data.app, name="data")
app.add_typer(features.app, name="features")
app.add_typer(card.app, name="model-card")
app.add_typer(standing_approval.app, name="standing-approval")
app.command()(override.override)
app.command()(queue.queue)
app.command()(explain.explain)
app.command()(export.export)
app.command()(scores.scores)
app.command()(scores.publish)
app.command()(scores.rescore)
app.command()(scores.intraday)
app.command()(backtest.backtest)
app.command()(prune.prune)
app.command()(forget.forget)
app.command()(migrate.migrate)
app.command()(upgrade.upgrade)
for command in (
    serving.serve,
    serving.loadtest,
    serving.rollback,
    serving.freeze,
    serving.unfreeze,
    serving.sync_routing,
    serving.flush_log,
    deploy.deploy,
    deploy.image,
):
    app.command()(command)
_WATCH_SECONDS = 5


@app.command()
@_plainly
def run(
    use_case: UseCaseName = DEFAULT_USE_CASE,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Continue to this night, after the last night that the demo declares."),
    ] = None,
) -> None:
    """Run a use case's history and nights under a real Airflow, and write a report."""
    from include import demo, report
    from include.platform.local.progress import ProgressDisplay

    case, settings = usecases.get(use_case), load_settings()
    console = table_console()
    period = demo.demo_nights(case, None if until is None else until.date())
    nights.past(case.name, str(period))
    seconds = demo.run(case, console, settings, period)
    with ProgressDisplay(console) as display:
        display.show("the report is written")
        summary = report.write(case, settings, period, seconds)
    report.show(summary, console)
    console.print(
        f"The report: {settings.reports / 'index.html'}, its numbers: {settings.reports / 'run.json'}", soft_wrap=True
    )


@app.command()
@_plainly
def up(
    use_case: Annotated[
        str, typer.Argument(help="The use case whose model server is started; Airflow has all of them.")
    ] = DEFAULT_USE_CASE,
    attached: Annotated[
        bool, typer.Option(help="Stay in the foreground until stopped, as needed in a container.")
    ] = False,
) -> None:
    """Start Airflow, MLflow and a model server, leave them running, and print their addresses and passwords.

    Until its use case has a champion, the model server answers with status 503 and the reason.
    """
    from include.platform.local import environment, home_lock, processes
    from include.platform.local.progress import ProgressDisplay

    served, settings, console = usecases.get(use_case).name, load_settings(), Console()
    with home_lock.hold(settings, "ratchet up"):
        with ProgressDisplay(console) as display:
            display.show("Airflow, MLflow and the model server start")
            stack = processes.start(settings, mlflow=True, served=served, detached=not attached)
            try:
                stack.wait_until_healthy(show=lambda text: display.show(f"Airflow, MLflow, model server · {text}"))
            except BaseException:
                display.show("Airflow, MLflow and the model server stop")
                stack.stop()
                raise
        for name, address in _addresses(stack).items():
            console.print(f"{name:<12} {address}", highlight=False, soft_wrap=True)
        for fault in stack.model_server.faults() if stack.model_server else ():
            console.print(
                f"the model server of {served} does not answer yet: {fault}",
                style="yellow",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        if attached:
            console.print(f"passwords are in {environment.passwords_file(settings)}", highlight=False, soft_wrap=True)
            _watch(stack)
        console.print(_passwords(settings))


@app.command()
@_plainly
def down() -> None:
    """Stop the processes that `ratchet up` started."""
    from include.platform.local import processes

    ended = processes.down(load_settings())
    Console().print(f"{ended} processes ended" if ended else "nothing was running")


@app.command()
@_plainly
def check() -> None:
    """Validate all use cases; report every failure, and what a first model still needs."""
    from include.settings import load_settings
    from include.steps.train import readiness
    from include.usecases import coherence, function_sources

    settings = load_settings()
    failed = []
    for name in usecases.names():
        try:
            case = usecases.get(name)
            coherence.check(case)
            function_sources.check(case)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one use case, all others are checked
            print_error(error if isinstance(error, RatchetError) else _unexpected(name, error))
            failed.append(name)
        else:
            Console().print(f"{name}: coherent, {len(case.feature_names)} features, {len(case.tables)} tables")
            if needs := readiness.measure(case, settings):
                Console(soft_wrap=True).print(f"  {needs.describe()}", style="yellow" if needs.missing else "")
    if failed:
        raise typer.Exit(1)


def _unexpected(name: str, error: Exception) -> DeclarationError:
    return DeclarationError(f"the use case {name!r} cannot be checked: {type(error).__name__}: {error}")


@app.command()
@_plainly
def docs(
    check: Annotated[bool, typer.Option(help="Only report whether the generated pages are up to date.")] = False,
    stage: Annotated[
        Path | None, typer.Option(help="Also write everything that the site is built from into this folder.")
    ] = None,
) -> None:
    """Generate the reference pages of the documentation from the code, the DAG files and the benchmarks' results."""
    from include.cli import docs as generated
    from include.cli.docs import site

    pages = generated.reference_pages(typer.main.get_command(app))
    if check and (stale := generated.out_of_date(pages)):
        raise RatchetError(
            f"expected docs/ to be generated from the code, but {', '.join(stale)} differ: run `make docs` and commit"
        )
    if not check:
        generated.write(pages)
    if stage is not None:
        site.stage(stage)


@app.command()
@takes_horizon
@_plainly
@with_warehouse
def champion(
    use_case: ModelName = DEFAULT_USE_CASE,
    at: Annotated[datetime | None, typer.Option(help="As recorded by this moment (UTC); now if omitted.")] = None,
) -> None:
    """Show which model is champion, or was champion at a moment, and who approved it."""
    from datetime import UTC

    from include.stores import ledger, warehouse
    from ml.governance import ledger_entries
    from ml.governance.ledger_entries import EntryKind

    case, engine = usecases.get(use_case), warehouse.engine(load_settings().warehouse_url)
    entry = ledger.champion(engine, case.name, as_of=None if at is None else at.replace(tzinfo=UTC))
    if entry is None:
        raise RatchetError(f"{case.name} has had no champion: `make run` trains and releases the first")
    kind = EntryKind(entry.kind)
    payload = ledger_entries.encode(kind, ledger_entries.read(entry, ledger_entries.PAYLOADS[kind]))
    Console().print_json(json.dumps({"digest": entry.subject, "night": str(entry.night), **payload}))


def _addresses(stack: "LocalStack") -> dict[str, str]:
    """Return the addresses of a running stack by name."""
    settings = stack.settings
    airflow = f"http://{settings.host}:{settings.airflow_port}"
    addresses = {
        "dashboard": f"{airflow}/ratchet/",
        "Airflow": airflow,
        "MLflow": f"http://{settings.host}:{settings.mlflow_port}",
    }
    return addresses | ({"model server": stack.model_server.address} if stack.model_server else {})


def _watch(stack: "LocalStack") -> NoReturn:
    """Wait while all processes are alive, and stop them at the end; SIGTERM works like Ctrl-C.

    Raises SetupError when a process has ended.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while True:
            stack.check_alive()
            time.sleep(_WATCH_SECONDS)
    finally:
        stack.stop()


def _passwords(settings: Settings) -> Table:
    from include.platform.local import environment

    users = Table("user", "password", box=None, pad_edge=False)
    for name, password in json.loads(environment.passwords_file(settings).read_text()).items():
        users.add_row(name, password)
    return users


if __name__ == "__main__":
    sys.exit(app())
