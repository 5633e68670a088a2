"""Checks that all declarations share; each raises a DeclarationError with a sentence for the author of the use case."""

import re
from collections.abc import Iterable
from dataclasses import Field, fields
from typing import Any, ClassVar, Protocol, get_origin

from ml.errors import DeclarationError

NAME = re.compile(r"[a-z][a-z0-9_]*")
_PLAIN = (str, int, float)


class Declaration(Protocol):
    """Any of the frozen dataclasses of a use case."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


def check(condition: bool, message: str) -> None:
    """Raise DeclarationError with `message` unless `condition` holds."""
    if not condition:
        raise DeclarationError(message)


def check_unique(what: str, names: Iterable[str]) -> None:
    """Raise DeclarationError if one of `names` occurs twice.

    >>> check_unique("tables", ["plans", "visits", "plans"])
    Traceback (most recent call last):
    ml.errors.DeclarationError: tables are named once each, but 'plans' is there twice
    """
    earlier: set[str] = set()
    for name in names:
        check(name not in earlier, f"{what} are named once each, but {name!r} is there twice")
        earlier.add(name)


def check_tuples(declared: Declaration) -> None:
    """Raise DeclarationError if a field that takes a tuple has a single value or a list."""
    for field in fields(declared):
        value = getattr(declared, field.name)
        if get_origin(field.type) is tuple and not isinstance(value, tuple):
            expected = f"{type(declared).__name__}({field.name}=...) takes a tuple"
            many = isinstance(value, (list, set))
            advice = "round brackets" if many else "brackets and a comma: " + _as_tuple(value)
            raise DeclarationError(f"{expected}, got {_describe(value)}: write it with {advice}")


def _as_tuple(value: object) -> str:
    return f"({value!r},)" if isinstance(value, _PLAIN) else f"({type(value).__name__}(...),)"


def _describe(value: object) -> str:
    return repr(value) if isinstance(value, (*_PLAIN, list, set)) else f"a {type(value).__name__}"
