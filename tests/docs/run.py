"""`make docs-commands`: run the commands of README, Start, Tutorial and How-to against the home that `make run` left.

Each page gets a copy of the home, so that no command changes what another page, or a person, finds there. A page may
ask for a real server in a comment: `<!-- commands: s3 -->`, `<!-- commands: postgres -->`, for what `make up` leaves
running: `<!-- commands: up -->` (its model server replaces that on port 8000), or for an empty home:
`<!-- commands: new-home -->`.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from include import ports
from include.settings import PROJECT, load_settings
from tests.docs import outputs, pages
from tests.docs.pages import Command

_NEEDS = re.compile(r"<!-- commands: ([a-z0-9 -]+?) -->")
_BY_CI = re.compile(r"make [a-z-]+( [A-Z_]+=\S+)*")
_SECONDS = 120
_SHARED = "/tmp/"  # what pages write to; here each has a folder of its own, so that no earlier run is in the way
_SERVING_PORT = "RATCHET_SERVING_PORT"
_PORTS = ("RATCHET_AIRFLOW_PORT", "RATCHET_MLFLOW_PORT", _SERVING_PORT)


def main() -> int:
    """Run every command, pages side by side, print each result, and return 1 if any failed."""
    home = load_settings().home
    if not (home / "warehouse.db").exists():
        print(f"expected a home in which `make run` ended at {home}: run it first", file=sys.stderr)
        return 1
    started = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        failures = sum(
            pool.map(lambda page: sum(not ok for ok in run_page(page, home)), [pages.README, *pages.executed()])
        )
    print(f"{failures} failed, {time.monotonic() - started:.0f} s")
    return min(failures, 1)


def run_page(page: Path, home: Path) -> Iterator[bool]:
    """Run the commands of one page, and yield whether each did what the page shows."""
    commands = [each for each in pages.commands(page) if not is_run_by_ci(each)]
    if not commands:
        return
    with environment(page, home) as variables:
        if variables is None:
            print(f"skipped  {_name(page)}: there is no Postgres here")
            return
        for command in commands:
            yield _run(command, variables)


def is_run_by_ci(command: Command) -> bool:
    """Return whether CI runs a command itself, before it calls this program: `make` and its targets."""
    return bool(_BY_CI.fullmatch(command.text.partition("#")[0].strip()))


@contextmanager
def environment(page: Path, home: Path) -> Iterator[dict[str, str] | None]:
    """Yield the environment of a page's commands, with a home of their own; None if a server is not to be had."""
    needed = _needed(page)
    # Servers end before the folder with their files is removed.
    with TemporaryDirectory(prefix="ratchet-docs-") as folder, ExitStack() as stack:
        own = Path(folder) / "home"
        if "new-home" not in needed:
            shutil.copytree(home, own, symlinks=True, ignore=shutil.ignore_patterns("logs", "airflow", "*.pid"))
        servers = _servers(stack, needed, Path(folder))
        if servers is None:
            yield None
            return
        if "up" in needed:
            servers = {**servers, **_free_ports()}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        variables = {
            **os.environ,
            "RATCHET_HOME": str(own),
            "PATH": path,
            "PYTHONPATH": str(PROJECT),
            "TMPDIR": folder,
            "COLUMNS": "120",
            **servers,
        }
        if "up" in needed:
            stack.enter_context(_installation(variables))
        yield variables


def _free_ports() -> dict[str, str]:
    return {name: str(ports.free_port("127.0.0.1")) for name in _PORTS}


@contextmanager
def _installation(variables: Mapping[str, str]) -> Iterator[None]:
    """Run what `make up` starts until the block ends; raises CalledProcessError if it does not start."""
    subprocess.run(["ratchet", "up"], env=dict(variables), stdout=subprocess.DEVNULL, check=True)
    try:
        yield
    finally:
        subprocess.run(["ratchet", "down"], env=dict(variables), stdout=subprocess.DEVNULL, check=True)


def _needed(page: Path) -> list[str]:
    """Return what a page asks for in its comments."""
    return " ".join(_NEEDS.findall(page.read_text())).split()


def _servers(stack: ExitStack, needed: list[str], folder: Path) -> Mapping[str, str] | None:
    """Start the servers that a page needs, and return the variables that lead to them."""
    from tests import postgres, s3

    variables: dict[str, str] = {}
    if "s3" in needed:
        (folder / "s3").mkdir()
        variables |= stack.enter_context(s3.running(folder / "s3")).environment
    if "postgres" in needed:
        try:
            variables["POSTGRES_URL"] = stack.enter_context(postgres.running()).url
        except pytest.skip.Exception:
            return None
    return variables


def _run(command: Command, variables: Mapping[str, str]) -> bool:
    """Run one command, print whether it did what the page shows, and return that."""
    started = time.monotonic()
    own = f"{variables['TMPDIR']}/"
    text = command.text.replace(_SHARED, own)
    if "up" in _needed(command.page):
        text = text.replace(":8000/", f":{variables[_SERVING_PORT]}/")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=PROJECT,
        env=dict(variables),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    printed = (done.stdout + done.stderr).replace(own, _SHARED)
    missing = outputs.difference(command.output, printed)
    wrong = (
        f"exit code {done.returncode}" if done.returncode else f"not printed as shown: {missing!r}" if missing else ""
    )
    state = "FAILED " if wrong else "ok     "
    print(
        f"{state} {_name(command.page)}:{command.line} {command.text!r} ({time.monotonic() - started:.1f} s)",
        flush=True,
    )
    if wrong:
        print(f"{wrong}; it printed:\n{printed}", flush=True)
    return not wrong


def _name(page: Path) -> str:
    return str(page.relative_to(PROJECT))


if __name__ == "__main__":
    sys.exit(main())
