"""Comparison of a declaration's values with the types of its fields, in the words of the author of a use case."""

import math
import numbers
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import Enum
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_PLAIN = (str, int, float)
_PLURALS = {int: "whole numbers", float: "numbers", str: "texts", bool: "True or False"}
_WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "True or False", type(None): "None"}


@cache
def of(declaration: Any) -> Mapping[str, Any]:
    """Return the types of the fields of a dataclass by name."""
    hints = get_type_hints(declaration)
    return {each.name: hints[each.name] for each in fields(declaration)}


def fault(field: str, expected: Any, value: object) -> str | None:
    """Return what is wrong with the `value` of `field`, which has the type `expected`; None if it has that type.

    A whole number is also a number. True and False are no numbers, and a text is no tuple. Numbers are finite.

    >>> fault("Night(hour=...)", int, "3")
    "expected Night(hour=...) to be a whole number, got '3' (text): write it without quotes"
    >>> fault("Text(ngrams=...)", tuple[int, int], (3, 5)) is None
    True
    """
    if _matches(expected, value):
        return None
    if isinstance(value, tuple) and _is_tuple_only(expected) and get_args(expected)[1:] == (...,):
        element = get_args(expected)[0]
        value = next(each for each in value if not _matches(element, each))
        return (
            f"expected each value of {field} to be {_words(element)}, got {_describe(value)}{_advice(element, value)}"
        )
    return f"expected {field} to be {_words(expected)}, got {_describe(value)}{_advice(expected, value)}"


def tuple_fault(field: str, expected: Any, value: object) -> str | None:
    """Return what is wrong with the `value` of a `field` that takes a tuple and has a single value or a list."""
    if not _is_tuple_only(expected) or isinstance(value, tuple):
        return None
    many = isinstance(value, (list, set))
    advice = "round brackets" if many else "brackets and a comma: " + _as_tuple(value)
    return f"{field} takes a tuple, got {_describe_single(value)}: write it with {advice}"


def _is_tuple_only(expected: Any) -> bool:
    return get_origin(expected) is tuple


def _matches(expected: Any, value: object) -> bool:
    origin, arguments = get_origin(expected), get_args(expected)
    if origin in (Union, types.UnionType):
        return any(_matches(each, value) for each in arguments)
    if origin is Literal:
        return any(type(value) is type(each) and value == each for each in arguments)
    if origin is tuple:
        return isinstance(value, tuple) and _matches_each(arguments, value)
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            _matches(arguments[0], key) and _matches(arguments[1], each) for key, each in value.items()
        )
    if origin is not None or expected is Callable:
        return callable(value) if (origin or expected) is Callable else isinstance(value, origin)
    return _matches_plain(expected, value)


def _matches_each(arguments: tuple[Any, ...], values: tuple[object, ...]) -> bool:
    if arguments[1:] == (...,):
        return all(_matches(arguments[0], each) for each in values)
    return len(arguments) == len(values) and all(map(_matches, arguments, values))


def _matches_plain(expected: Any, value: object) -> bool:
    if expected is Any or expected is object:
        return True
    if expected is int:
        return isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if expected is float:
        return isinstance(value, numbers.Real) and not isinstance(value, bool) and _is_finite(value)
    return isinstance(value, type(None) if expected is None else expected)


def _is_finite(value: numbers.Real) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False


def _words(expected: Any) -> str:
    """Return a description of a type, such as `a whole number or None`."""
    origin, arguments = get_origin(expected), get_args(expected)
    if origin in (Union, types.UnionType):
        *others, last = map(_words, arguments)
        return f"{', '.join(others)} or {last}"
    if origin is Literal:
        return "one of " + ", ".join(map(repr, arguments))
    if origin is tuple:
        if arguments[1:] == (...,):
            return f"a tuple of {_PLURALS.get(arguments[0], f'values that are each {_words(arguments[0])}')}"
        return f"({', '.join(map(_words, arguments))})"
    if origin is not None and issubclass(origin, Mapping):
        return "a mapping"
    if (origin or expected) is Callable:
        return "a function"
    if isinstance(expected, type) and issubclass(expected, Enum):
        return "one of " + ", ".join(repr(each.value) for each in expected)
    name = getattr(expected, "__name__", str(expected))
    return _WORDS.get(expected, f"{name}(...)")


def _advice(expected: Any, value: object) -> str:
    """Return what to do about `value`, after a colon; empty if the expectation says it."""
    wanted = get_args(expected) if get_origin(expected) in (Union, types.UnionType) else (expected,)
    if isinstance(value, type) and value in wanted:
        return f": write {value.__name__}(...)"
    if isinstance(value, type) or callable(value):
        return ": write its name in quotes" if str in wanted else ""
    if isinstance(value, float) and not math.isfinite(value):
        return ": write a finite number"
    if isinstance(value, str) and not {int, float}.isdisjoint(wanted) and _NUMBER.fullmatch(value):
        return ": write it without quotes"
    if isinstance(value, (int, float)) and not isinstance(value, bool) and str in wanted:
        return ": write it in quotes"
    return ""


def _describe(value: object) -> str:
    """Return a value with its type for a message; only numbers, texts and the like are printed."""
    if isinstance(value, str):
        return f"{value!r} (text)"
    if value is None or isinstance(value, (bool, float)):
        return repr(value)
    if isinstance(value, int):
        return f"{value!r:.80} (a whole number)"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, (tuple, list, set, dict)):
        return f"{value!r:.80}"
    name = getattr(value, "__name__", None)
    return f"the function {name}" if callable(value) and name else f"a {type(value).__name__}"


def _as_tuple(value: object) -> str:
    return f"({value!r},)" if isinstance(value, _PLAIN) else f"({type(value).__name__}(...),)"


def _describe_single(value: object) -> str:
    return repr(value) if isinstance(value, (*_PLAIN, list, set)) else f"a {type(value).__name__}"
