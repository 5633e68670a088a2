"""Identifiers for column names that libraries refuse: MLflow, Feast, and Python for the parameters of functions.

A column keeps its own name in the contract, in declarations, tables, packages, requests and pages.
"""

import keyword
import re
import unicodedata
from collections.abc import Callable, Iterable


def safe_name(column: str) -> str:
    """Return `column` as an identifier, normalised as Python does; an identifier in ASCII is returned as it is.

    >>> [safe_name(column) for column in ("plan", "Monthly Spend (EUR)", "Churned?", "2nd class", "class")]
    ['plan', 'Monthly_Spend_EUR', 'Churned', '_2nd_class', 'class_']
    """
    normal = unicodedata.normalize("NFKC", column)
    if normal.isidentifier() and not keyword.iskeyword(normal):
        return normal
    letters = "".join(letter if f"_{letter}".isidentifier() else " " for letter in normal)
    name = re.sub(r"[ _]+", "_", letters).strip("_")
    if not name.isidentifier():
        name = f"_{name}"
    return f"{name}_" if keyword.iskeyword(name) else name


def column_of(parameter: str, columns: Iterable[str]) -> str:
    """Return the one of `columns` that the parameter of a function stands for; the parameter itself if none does.

    >>> column_of("Monthly_Spend_EUR", ["plan", "Monthly Spend (EUR)"])
    'Monthly Spend (EUR)'
    """
    names = list(columns)
    return (
        parameter if parameter in names else next((name for name in names if safe_name(name) == parameter), parameter)
    )


def collisions(columns: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of different columns that have the same safe name.

    >>> collisions(["a b", "a-b", "c"])
    [('a b', 'a-b')]
    """
    return _pairs(columns, safe_name)


def case_collisions(columns: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of different columns that differ only in case: they are one column in a table of the lake.

    >>> case_collisions(["zone", "plan", "Zone"])
    [('zone', 'Zone')]
    """
    return _pairs(columns, str.lower)


def _pairs(columns: Iterable[str], simplify: Callable[[str], str]) -> list[tuple[str, str]]:
    first: dict[str, str] = {}
    pairs = [(first.setdefault(simplify(column), column), column) for column in columns]
    return [(one, other) for one, other in pairs if one != other]
