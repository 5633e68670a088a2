"""Kill and restart processes of a local stack, as a supervisor would, and compare the results of nights."""

from pathlib import Path
from subprocess import Popen

from include.platform.local import environment, processes, setup
from include.platform.local.processes import LocalStack
from include.settings import Settings
from include.steps.features import build
from include.steps.ingest import intraday
from include.stores import lake
from include.stores.warehouse import rows, tables
from ml.governance import sync_diff


def kill(stack: LocalStack, *names: str) -> None:
    """Kill processes of the stack with SIGKILL, but not their children."""
    for name in names:
        stack.processes[name].kill()
    for name in names:
        stack.processes[name].wait()


def start(stack: LocalStack, name: str) -> "Popen[bytes]":
    """Start a process of the stack again, or a second one of its kind (`scheduler-2`); it ends with the stack."""
    settings = stack.settings
    keys = setup.generate_secrets(settings)
    variables = environment.airflow(settings, keys, task_port=stack.task_port) | {
        processes._PROCESS_MARKER: stack.token
    }
    command = processes._airflow_command(settings, name.removesuffix("-2"), stack.task_port)
    stack.processes[name] = processes._spawn(settings, name, command, variables)
    return stack.processes[name]


def left(settings: Settings, key: str) -> dict[str, object]:
    """Return everything that a night left in the lake and the warehouse, without timestamps of the clock.

    Live features are left out: the night that starts when the DAG is unpaused completes those of all earlier nights. So
    are the tables of the DAG `intraday`, which runs by the clock.
    """
    results: dict[str, object] = {}
    for table in (tables.ingestions, tables.files):
        columns = [column.name for column in rows.columns(table)]
        position = columns.index("night" if "night" in columns else "period")
        results[table.name] = sync_diff.table_digest(
            row for row in rows.read_ordered(settings.warehouse_url, table) if str(row[position]) == key
        )
    for log in sorted(Path(settings.lake).rglob("_delta_log")):
        if log.parent.name == build.LIVE or log.parent.parent.name.startswith(intraday.STAGE):
            continue
        frame = lake.read(str(log.parent), key, key)
        ordered = frame.sort_values(sorted(frame.columns), ignore_index=True)[sorted(frame.columns)]
        results[str(log.parent.relative_to(settings.lake))] = ordered.to_csv()
    return results
