"""Use cases: each folder with a `usecase.py`, here or in a folder that was added to `__path__`.

A use case has a model at each of its horizons. The model at the night's horizon has the name of the use case, that of
another horizon is called `<use case>-<horizon>`.

Finding them imports only the standard library and `ml.usecase`. A use case that cannot be read is left out; the others
are found all the same.
"""

from contextlib import AbstractContextManager, suppress
from functools import cache
from pathlib import Path
from types import ModuleType

from include.usecases import loader, probe
from ml.errors import DeclarationError, RatchetError, RequestError
from ml.usecase import UseCase, model_names


@cache
def all() -> tuple[UseCase, ...]:  # noqa: A001 - read as `usecases.all()`
    """Return every use case that can be read, sorted by name."""
    use_cases = []
    probe.faults(_folders(*__path__))  # all at once: one that hangs does not delay the others
    for name in names():
        with suppress(DeclarationError):
            use_cases.append(get(name))
    return tuple(use_cases)


def names() -> tuple[str, ...]:
    """Return the names of all use cases, including those that cannot be read."""
    return tuple(sorted(_folders(*__path__)))


def names_of_models() -> tuple[str, ...]:
    """Return the names of all models, and of use cases that cannot be read."""
    return tuple(sorted({*names(), *(model.name for model in models())}))


def load_errors() -> dict[str, str]:
    """Return the error message of each use case that cannot be read, by name."""
    errors = {}
    for name in names():
        try:
            get(name)
        except DeclarationError as error:
            errors[name] = str(error)
    return errors


def get(name: str) -> UseCase:
    """Return the use case called `name`, or its declaration at a horizon, as in `get("rides-live")`.

    Raises RequestError, with the existing names, when there is no such use case or horizon, and DeclarationError, with
    file and line, when it cannot be read.
    """
    dataset, horizon = model_names.split(name)
    if dataset not in names():
        raise RequestError(f"expected one of the use cases {list(names())}, got {name!r}")
    use_case = loader.load_use_case(f"{__name__}.{dataset}", _folders(*__path__)[dataset])
    return use_case.at(horizon) if horizon else use_case


def models() -> tuple[UseCase, ...]:
    """Return the declaration of every use case that can be read at each of its horizons."""
    return tuple(model for use_case in all() for model in use_case.models)


def module(name: str, module_name: str) -> ModuleType:
    """Return a module of a use case's folder, e.g. `module("rides", "schema")`; raises DeclarationError as `get`."""
    dataset = model_names.dataset_of(name)
    return loader.load_module(f"{__name__}.{dataset}", _folders(*__path__)[dataset], module_name)


def has_module(name: str, module_name: str) -> bool:
    """Return whether the use case's folder has the module `module_name`."""
    return any((Path(folder) / model_names.dataset_of(name) / f"{module_name}.py").exists() for folder in __path__)


def translate_errors(
    name: str, error_type: type[RatchetError] = DeclarationError, *, reads_rows: bool = True
) -> AbstractContextManager[None]:
    """Return a context that turns exceptions of the use case's code into errors with its file and line.

    If the code `reads_rows` and the use case has confidential columns, the exception's message, which may contain one
    of their values, is left out.
    """
    hides_message = reads_rows and get(name).has_confidential_columns
    return loader.translate_errors(
        _folders(*__path__)[model_names.dataset_of(name)], error_type, hides_message=hides_message
    )


@cache
def _folders(*within: str) -> dict[str, Path]:
    """Return the folder of each use case; if two have the same name, the one that Python would import."""
    paths = [path.parent for folder in reversed(within) for path in Path(folder).glob("*/usecase.py")]
    return {path.name: path for path in paths}
