"""Import the files of a use case, and report what is wrong with them by use case, file and line."""

import difflib
import importlib
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from types import ModuleType

from ml import usecase
from ml.errors import DeclarationError, RatchetError
from ml.usecase import UseCase

LITERAL = "USE_CASE"
_UNKNOWN_FIELD = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")


def load_use_case(package: str, folder: Path) -> UseCase:
    """Return the declaration in `usecase.py`.

    Raises DeclarationError when it cannot be read, or when its name is not that of its folder.
    """
    declared = getattr(load_module(package, folder, "usecase"), LITERAL, None)
    if not isinstance(declared, UseCase):
        raise _error(folder, "usecase", f"expected {LITERAL} = UseCase(...), got {type(declared).__name__}")
    if declared.name != folder.name:
        raise _error(folder, "usecase", f"expected the folder's name, name={folder.name!r}, got {declared.name!r}")
    return declared


def load_module(package: str, folder: Path, module_name: str) -> ModuleType:
    """Return the module `module_name` of a use case's package; raises DeclarationError with the position of a fault."""
    if not (folder / f"{module_name}.py").is_file():
        raise _error(folder, module_name, "the file is not there; see docs/how-to/own-data.md for what each file has")
    try:
        return importlib.import_module(f"{package}.{module_name}")
    except Exception as error:  # a user's file may raise anything, and all of it is to be reported
        raise _error(folder, module_name, _explain(error), _error_position(error, folder)) from error


@contextmanager
def translate_errors(folder: Path, error_type: type[RatchetError] = DeclarationError) -> Iterator[None]:
    """Turn exceptions of a use case's code into `error_type`, with the file and line; other exceptions pass through."""
    try:
        yield
    except RatchetError:
        raise
    except Exception as error:
        position = _error_position(error, folder)
        if position is None:
            raise
        location = f"{_display_path(folder)}/{position[0]}, line {position[1]}"
        raise error_type(
            f"the use case {folder.name!r} fails in {location}: {type(error).__name__}: {error}"
        ) from error


def _error(folder: Path, module_name: str, reason: str, position: tuple[str, int] | None = None) -> DeclarationError:
    file, line = position or (f"{module_name}.py", 0)
    location = f"{file}, line {line}" if line else file
    return DeclarationError(
        f"the use case {folder.name!r} cannot be read: {_display_path(folder)}/{location}: {reason}"
    )


def _display_path(folder: Path) -> Path:
    """Return the folder relative to the working directory if it is inside it."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


def _error_position(error: Exception, folder: Path) -> tuple[str, int] | None:
    """Return the file and line of the use case where `error` was raised; None when it was raised elsewhere."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).parent == folder:
        return Path(error.filename).name, error.lineno or 0
    frames = [each for each in traceback.extract_tb(error.__traceback__) if Path(each.filename).parent == folder]
    return (Path(frames[-1].filename).name, frames[-1].lineno or 0) if frames else None


def _explain(error: Exception) -> str:
    """Return a message for the error; for an unknown field it suggests or lists the known ones."""
    if isinstance(error, DeclarationError):
        return str(error)
    if isinstance(error, SyntaxError):
        return f"{error.msg}: {(error.text or '').strip()}"
    unknown = _UNKNOWN_FIELD.search(str(error))
    declaration = getattr(usecase, unknown[1], None) if unknown else None
    if unknown is None or declaration is None:
        return f"{type(error).__name__}: {error}"
    known = [each.name for each in fields(declaration)]
    similar = difflib.get_close_matches(unknown[2], known, 1)
    hint = f"did you mean {similar[0]!r}" if similar else f"it has {', '.join(known)}"
    return f"{unknown[1]} has no field {unknown[2]!r}: {hint}"
