"""Checks that all declarations share; each raises a DeclarationError with a sentence for the author of the use case."""

import re
from collections.abc import Iterable
from dataclasses import Field
from typing import Any, ClassVar, Protocol

from ml.errors import DeclarationError
from ml.usecase import field_types

NAME = re.compile(r"[a-z][a-z0-9_]*")
# No data is older. Instants that are moved by more than this leave the range that can be stored.
_MAX_YEARS = 200
MAX_DAYS = _MAX_YEARS * 365
MAX_HOURS = MAX_DAYS * 24


class Declaration(Protocol):
    """Any of the frozen dataclasses of a use case."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


def check(condition: bool, message: str) -> None:
    """Raise DeclarationError with `message` unless `condition` holds."""
    if not condition:
        raise DeclarationError(message)


def check_unique(what: str, names: Iterable[object]) -> None:
    """Raise DeclarationError if one of `names` occurs twice.

    >>> check_unique("tables", ["plans", "visits", "plans"])
    Traceback (most recent call last):
    ml.errors.DeclarationError: tables are named once each, but 'plans' is there twice
    """
    earlier: set[object] = set()
    for name in names:
        check(name not in earlier, f"{what} are named once each, but {name!r} is there twice")
        earlier.add(name)


def check_hours(what: str, hours: float) -> None:
    """Raise DeclarationError if `hours` reach further than any data: an instant so far away cannot be stored.

    >>> check_hours("Delay(hours=...)", 10**9)
    Traceback (most recent call last):
    ml.errors.DeclarationError: Delay(hours=...) is at most 1752000 hours (200 years), got 1000000000
    """
    check(hours <= MAX_HOURS, f"{what} is at most {MAX_HOURS} hours ({_MAX_YEARS} years), got {hours}")


def check_types(declared: Declaration) -> None:
    """Raise DeclarationError if the value of a field does not have the declared type; see `ml.usecase.field_types`."""
    for find_fault in (field_types.tuple_fault, field_types.fault):
        for name, expected in field_types.of(type(declared)).items():
            fault = find_fault(f"{type(declared).__name__}({name}=...)", expected, getattr(declared, name))
            check(fault is None, str(fault))
