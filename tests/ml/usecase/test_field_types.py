"""A value fits the declared type of its field, or the sentence says what was expected, what came and what to do."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Literal

import numpy as np
import pytest

from ml.usecase import Column, Function, Slice, UseCase, field_types


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        (int, 3),
        (int, np.int64(3)),
        (float, 3),
        (float, 3.5),
        (float, np.float32(3.5)),
        (bool, True),
        (str, "a"),
        (Colour, Colour.RED),
        (str | None, None),
        (int | Literal["all"], "all"),
        (Literal["a", "b"], "b"),
        (tuple[int, int], (1, 2)),
        (tuple[float, ...], ()),
        (tuple[tuple[str, float | str], ...], (("a", 1), ("b", "c"))),
        (Column | Function, Function("a")),
        (Mapping[str, int], {"a": 1}),
        (Callable[[int], int], abs),
        (Callable, abs),
        (Any, b"anything"),
    ],
    ids=str,
)
def test_a_value_of_the_type_is_taken(expected: Any, value: object) -> None:
    assert field_types.fault("A(b=...)", expected, value) is None
    assert field_types.tuple_fault("A(b=...)", expected, value) is None


@pytest.mark.parametrize(
    ("expected", "value", "reported"),
    [
        (int, True, "a whole number, got True"),
        (int, 3.0, "a whole number, got 3.0"),
        (int, "three", "a whole number, got 'three' (text)"),
        (float, False, "a number, got False"),
        (float, float("-inf"), "a number, got -inf: write a finite number"),
        (float, 10**400, f"a number, got {10**400!r:.80} (a whole number)"),
        (bool, 1, "True or False, got 1 (a whole number)"),
        (str, 1.5, "a text, got 1.5: write it in quotes"),
        (str, ["a"], "a text, got ['a']"),
        (Colour, "red", "one of 'red', 'blue', got 'red' (text)"),
        (int | Literal["all"], "most", "a whole number or one of 'all', got 'most' (text)"),
        (Literal[1], True, "one of 1, got True"),
        (tuple[int, int], (1,), "(a whole number, a whole number), got (1,)"),
        (tuple[int, ...] | None, 3, "a tuple of whole numbers or None, got 3 (a whole number)"),
        (Slice | None, Column("a"), "Slice(...) or None, got a Column"),
        (Slice | None, Slice, "Slice(...) or None, got the class Slice: write Slice(...)"),
        (Mapping[str, int], {"a": "b"}, "a mapping, got {'a': 'b'}"),
        (Callable[[int], int], "abs", "a function, got 'abs' (text)"),
    ],
)
def test_a_value_of_another_type_is_described(expected: Any, value: object, reported: str) -> None:
    assert field_types.fault("A(b=...)", expected, value) == f"expected A(b=...) to be {reported}"


def test_the_first_wrong_value_of_a_tuple_is_named() -> None:
    fault = field_types.fault("A(b=...)", tuple[int, ...], (1, "2", 3.5))
    assert fault == "expected each value of A(b=...) to be a whole number, got '2' (text): write it without quotes"


def test_a_declaration_has_the_types_of_all_its_fields() -> None:
    assert field_types.of(UseCase)["slices"] == tuple[Slice, ...]
