"""How every command of the console script begins and ends: in a home that ran, with a sentence and a code."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import typer
from rich.console import Console

from ml.errors import RatchetError

_EXIT_INTERRUPTED, _LOG_WIDTH = 130, 120
P = ParamSpec("P")


def report_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Print a refusal as one sentence and exit with 1; on Ctrl-C, print one line and exit with 130; never a stack trace."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except RatchetError as error:
            print_error(error)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            Console(stderr=True).print("interrupted: what was started is stopped; the same command goes on from here")
            raise typer.Exit(_EXIT_INTERRUPTED) from None

    return wrapper


def with_warehouse(command: Callable[P, None]) -> Callable[P, None]:
    """Run a command only in a home in which something has run, and whose warehouse has the schema of this release."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        from include.settings import load_settings
        from include.stores import warehouse

        warehouse.open_existing(load_settings().warehouse_url)
        command(*args, **kwargs)

    return wrapper


def table_console() -> Console:
    """Return a console for tables: as wide as the screen, and where there is none, wide enough to be read in a log."""
    return Console() if sys.stdout.isatty() else Console(width=_LOG_WIDTH)


def print_error(error: RatchetError) -> None:
    """Print a refusal's sentence where errors go, on one line however narrow the screen is."""
    Console(stderr=True).print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
