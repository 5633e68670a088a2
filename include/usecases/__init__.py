"""Use cases: every folder here with a `usecase.py` is one, and every one in a folder that was added to `__path__`.

Finding them imports only the standard library and `ml.usecase`.
"""

import importlib
from functools import cache
from pathlib import Path
from types import ModuleType

from ml.errors import RequestError
from ml.usecase import UseCase


@cache
def all() -> tuple[UseCase, ...]:  # noqa: A001 - read as `usecases.all()`
    """Return every use case, by name."""
    names = sorted(path.parent.name for folder in __path__ for path in Path(folder).glob("*/usecase.py"))
    return tuple(module(name, "usecase").USE_CASE for name in names)


def get(name: str) -> UseCase:
    """Return the use case called `name`; raises RequestError that lists what there is."""
    for use_case in all():
        if use_case.name == name:
            return use_case
    raise RequestError(f"expected one of the use cases {[each.name for each in all()]}, got {name!r}")


def module(name: str, part: str) -> ModuleType:
    """Return a module of a use case's folder, e.g. `module("flights", "schema")`."""
    return importlib.import_module(f"{__name__}.{name}.{part}")


def has(name: str, part: str) -> bool:
    """Return whether the use case's folder has the module `part`."""
    return any((Path(folder) / name / f"{part}.py").exists() for folder in __path__)
