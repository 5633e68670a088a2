"""Types are described in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import pytest

from include.cli.docs import type_names


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Part:
    size: int


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (str, "text"),
        (Literal["a", "b"], '`"a"` or `"b"`'),
        (tuple[float, ...], "tuple of: number"),
        (tuple[str, str], "tuple (text, text)"),
        (Mapping[str, Any], "mapping from text to any JSON value"),
        (int | None, "whole number or None"),
        (Colour, '`"red"`'),
        (Part, "[`Part`](#part)"),
    ],
    ids=str,
)
def test_a_type_in_words(hint: object, words: str) -> None:
    assert type_names.describe(hint) == words


def test_an_unknown_type_is_an_error_of_the_generator() -> None:
    with pytest.raises(TypeError, match="can describe, got <class 'complex'>: add it"):
        type_names.describe(complex)


def test_the_leaves_of_a_type() -> None:
    assert list(type_names.leaves(tuple[Part | None, ...])) == [Part, type(None), ...]
