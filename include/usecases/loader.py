"""Import the files of a use case, and report what is wrong with them by use case, file and line."""

import difflib
import importlib
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from types import ModuleType

from include.usecases import probe
from include.usecases.time_limit import Interrupted, OutOfTime, time_limit
from ml import usecase
from ml.errors import DeclarationError, RatchetError
from ml.usecase import UseCase

LITERAL = "USE_CASE"
_MODULE_SECONDS, _ATTEMPTS = 30.0, 3
_UNKNOWN_FIELD = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")


def load_use_case(package: str, folder: Path) -> UseCase:
    """Return the declaration in `usecase.py`.

    Raises DeclarationError when it cannot be read, when reading it takes too long or would end the process, or when its
    name is not that of its folder.
    """
    if f"{package}.usecase" not in sys.modules and (fault := probe.fault(folder)) is not None:
        raise _error(folder, "usecase", fault[0], ("usecase.py", fault[1]))
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
    name = f"{package}.{module_name}"
    if name in sys.modules:
        return sys.modules[name]
    seconds = probe.READ_SECONDS if module_name == "usecase" else _MODULE_SECONDS
    for _ in range(_ATTEMPTS):
        with time_limit(seconds):
            try:
                return importlib.import_module(name)
            except Interrupted:  # its signal is handled on exit; if that raises nothing, the file is read again
                continue
            except BaseException as error:  # noqa: BLE001 - a user's file may raise anything, and all of it is reported
                reason = f"reading it takes more than {seconds:.0f} seconds" if isinstance(error, OutOfTime) else None
                fault = _error(folder, module_name, reason or _explain(error), _error_position(error, folder))
                fault.__cause__ = error
        raise fault
    raise _error(folder, module_name, "reading it was interrupted by signals: run this again")


@contextmanager
def translate_errors(
    folder: Path, error_type: type[RatchetError] = DeclarationError, *, hides_message: bool = False
) -> Iterator[None]:
    """Turn exceptions of a use case's code into `error_type`, with the file and line; other exceptions pass through.

    With `hides_message`, only the exception's type is shown, also in a traceback.
    """
    try:
        yield
    except RatchetError:
        raise
    except (Exception, SystemExit) as error:
        position = _error_position(error, folder)
        if position is None:
            raise
        location = f"{_display_path(folder)}/{position[0]}, line {position[1]}"
        fails = f"the use case {folder.name!r} fails in {location}"
        if hides_message:
            raise error_type(
                f"{fails}: {type(error).__name__}. Its message is left out, because it may contain a personal value: "
                "call the function yourself to see it"
            ) from None
        raise error_type(f"{fails}: {_describe(error)}") from error


def _error(folder: Path, module_name: str, reason: str, position: tuple[str, int] | None = None) -> DeclarationError:
    file, line = position or (f"{module_name}.py", 0)
    location = f"{file}, line {line}" if line else file
    return DeclarationError(
        f"the use case {folder.name!r} cannot be read: {_display_path(folder)}/{location}: {reason}"
    )


def _display_path(folder: Path) -> Path:
    """Return the folder relative to the working directory if it is inside it."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


def _error_position(error: BaseException, folder: Path) -> tuple[str, int] | None:
    """Return the file and line of the use case where `error` was raised; None when it was raised elsewhere."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).parent == folder:
        return Path(error.filename).name, error.lineno or 0
    frames = [each for each in traceback.extract_tb(error.__traceback__) if Path(each.filename).parent == folder]
    return (Path(frames[-1].filename).name, frames[-1].lineno or 0) if frames else None


def _describe(error: BaseException) -> str:
    """Return the type and the message of an error, even if its message cannot be made."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - the error's own code fails
        return type(error).__name__


def _explain(error: BaseException) -> str:
    """Return a message for the error; for an unknown field it suggests or lists the known ones."""
    if isinstance(error, DeclarationError):
        return str(error)
    if isinstance(error, SyntaxError):
        return f"{error.msg}: {(error.text or '').strip()}"
    if not isinstance(error, Exception):
        return f"it ends the process ({_describe(error)}), which a use case must not"
    unknown = _UNKNOWN_FIELD.search(_describe(error))
    declaration = getattr(usecase, unknown[1], None) if unknown else None
    if unknown is None or declaration is None:
        return _describe(error)
    known = [each.name for each in fields(declaration)]
    similar = difflib.get_close_matches(unknown[2], known, 1)
    hint = f"did you mean {similar[0]!r}" if similar else f"it has {', '.join(known)}"
    return f"{unknown[1]} has no field {unknown[2]!r}: {hint}"
