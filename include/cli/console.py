"""Behaviour shared by all commands: error messages, exit codes, the check of the warehouse, and consoles."""

import inspect
import sys
from collections.abc import Callable
from functools import wraps
from typing import Annotated, ParamSpec

import typer
from rich.console import Console

from include.stores import failures
from ml.errors import RatchetError, RequestError, SetupError
from ml.usecase import Night, model_names

_EXIT_INTERRUPTED, _LOG_WIDTH = 130, 120
P = ParamSpec("P")
UseCaseName = Annotated[str, typer.Argument(help="A folder of include/usecases.")]
ModelName = Annotated[
    str, typer.Argument(help="A folder of include/usecases, or the model of another horizon: <use case>-<horizon>.")
]
DEFAULT_USE_CASE = "flights"  # of commands that are given none
_Horizon = Annotated[str, typer.Option(help="The horizon of the model; that of the night if omitted.")]
# The options of commands by which a person changes something.
Why = Annotated[str, typer.Option(help="The reason, for the ledger.")]
Who = Annotated[str, typer.Option(help="The name of the person who requests it; the user of this machine if omitted.")]


def report_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Print a RatchetError, or what the machine lacks, as one sentence and exit with 1.

    On Ctrl-C print one line and exit with 130.
    """

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except RatchetError as error:
            print_error(error)
            raise typer.Exit(1) from None
        except Exception as error:
            sentence = failures.explain(error)
            if sentence is None:
                raise
            print_error(SetupError(sentence))
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            Console(stderr=True).print("interrupted; run the same command again to continue")
            raise typer.Exit(_EXIT_INTERRUPTED) from None

    return wrapper


def with_warehouse(command: Callable[P, None]) -> Callable[P, None]:
    """Run a command only if there is a warehouse with the schema of this release; otherwise raise SetupError."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        from include.settings import load_settings
        from include.stores import warehouse

        warehouse.open_existing(load_settings().warehouse_url)
        command(*args, **kwargs)

    return wrapper


def takes_horizon(command: Callable[P, None]) -> Callable[P, None]:
    """Add the option --horizon to a command whose argument `use_case` names a model.

    `flights --horizon live` is the same as `flights-live`.
    """
    signature = inspect.signature(command)

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        bound = dict(inspect.signature(wrapper).bind(*args, **kwargs).arguments)
        if horizon := bound.pop("horizon", ""):
            bound["use_case"] = _model_at(bound.get("use_case", signature.parameters["use_case"].default), horizon)
        command(**bound)  # type: ignore[call-arg]  # the same arguments, by name

    option = inspect.Parameter("horizon", inspect.Parameter.KEYWORD_ONLY, default="", annotation=_Horizon)
    wrapper.__signature__ = signature.replace(  # type: ignore[attr-defined]  # typer reads it
        parameters=[*signature.parameters.values(), option]
    )
    return wrapper


def _model_at(model: str, horizon: str) -> str:
    dataset, named = model_names.split(model)
    if named and named != horizon:
        print_error(RequestError(f"expected one horizon, got the model {model} and --horizon {horizon}"))
        raise typer.Exit(1)
    return dataset if horizon == Night.name else model_names.join(dataset, horizon)


def table_console() -> Console:
    """Return a console for tables: as wide as the terminal, or 120 columns if the output is not a terminal."""
    return Console() if sys.stdout.isatty() else Console(width=_LOG_WIDTH)


def print_error(error: RatchetError) -> None:
    """Print an error to stderr, on one line however narrow the terminal is."""
    Console(stderr=True).print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
