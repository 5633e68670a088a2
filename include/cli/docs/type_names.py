"""Types of fields in words that a reader of JSON or of a declaration understands."""

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from datetime import date, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

_PLAIN: Mapping[object, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    date: "date",
    datetime: "moment (UTC)",
    Any: "any JSON value",
    NoneType: "None",
}


def describe(hint: object) -> str:
    """Return a type in words.

    >>> describe(tuple[float, ...])
    'tuple of: number'
    >>> describe(int | None)
    'whole number or None'
    """
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(map(describe, arguments))
    if origin is Literal:
        return " or ".join(f'`"{each}"`' if isinstance(each, str) else f"`{each}`" for each in arguments)
    if origin is tuple:
        return _tuple(arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"mapping from {describe(arguments[0])} to {describe(arguments[1])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return " or ".join(f'`"{each.value}"`' for each in hint)
    if isinstance(hint, type) and is_dataclass(hint):
        return f"[`{hint.__name__}`](#{hint.__name__.lower()})"
    raise TypeError(f"expected a type that the reference pages can describe, got {hint!r}: add it to this module")


def leaves(hint: object) -> Iterator[object]:
    """Yield the types that a type is made of, itself when it is made of none."""
    arguments = () if get_origin(hint) is Literal else get_args(hint)
    if not arguments:
        yield hint
    for each in arguments:
        yield from leaves(each)


def _tuple(arguments: tuple[object, ...]) -> str:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return f"tuple of: {describe(arguments[0])}"
    return f"tuple ({', '.join(map(describe, arguments))})"
