"""JSON in which an object has a name twice is refused, wherever it is and however it is spelt; other JSON is read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from include.serving.protocols import codec
from ml.errors import ScoreRequestError

TEXTS = some.text(some.characters(exclude_categories=["Cs"]), max_size=3) | some.sampled_from(
    [':"', "\\", '"a":1', "a"]
)
PAIRS = some.recursive(
    some.none() | some.booleans() | some.integers(-9, 9) | TEXTS,
    lambda inner: (
        some.lists(inner, max_size=3).map(lambda cells: ["list", cells])
        | some.lists(some.tuples(TEXTS, inner), max_size=3).map(lambda pairs: ["object", pairs])
    ),
    max_leaves=12,
)


def spell(value: Any, ascii_only: bool) -> str:
    """Return a value as JSON, with the names of its objects as they are, also twice."""
    match value:
        case ["list", cells]:
            return f"[{', '.join(spell(each, ascii_only) for each in cells)}]"
        case ["object", pairs]:
            members = (
                f"{json.dumps(name, ensure_ascii=ascii_only)} : {spell(each, ascii_only)}" for name, each in pairs
            )
            return f"{{{', '.join(members)}}}"
        case _:
            return json.dumps(value, ensure_ascii=ascii_only)


def has_name_twice(value: Any) -> bool:
    match value:
        case ["list", cells]:
            return any(map(has_name_twice, cells))
        case ["object", pairs]:
            names = [name for name, _ in pairs]
            return len({*names}) < len(names) or any(has_name_twice(each) for _, each in pairs)
        case _:
            return False


@given(value=PAIRS, ascii_only=some.booleans())
def test_a_name_twice_is_refused_and_all_else_is_read(value: Any, ascii_only: bool) -> None:
    body = spell(value, ascii_only).encode()
    if has_name_twice(value):
        with pytest.raises(ScoreRequestError, match="expected each name once in an object, got .* twice"):
            codec.decode_json(body, Any)
    else:
        assert codec.decode_json(body, Any) == json.loads(body)


@pytest.mark.parametrize("text", ["9007199254740993.0", "1e-400", "-1E-400", f"0.{'0' * 330}1"])
@pytest.mark.parametrize("form", ["[{}]", '{{"a": [0.5, {}]}}', '[{{"a": {{"b": {}}}}}]'])
def test_a_float_that_is_not_stored_is_kept_as_its_text(text: str, form: str) -> None:
    assert f"{text}" in repr(codec.decode_json(form.format(text).encode(), Any))


@pytest.mark.parametrize("text", ["9007199254740994.0", "1.5e-3", "0.0", "1e16", f"0.{'0' * 330}"])
def test_a_float_that_is_stored_is_a_float(text: str) -> None:
    assert codec.decode_json(f"[{text}]".encode(), Any) == [float(text)]


def test_many_names_are_checked_in_linear_time() -> None:
    names = [f'"{index}:": 1' for index in range(100_000)]
    assert len(codec.decode_json(f"{{{','.join(names)}}}".encode(), dict[str, Any])) == 100_000
    with pytest.raises(ScoreRequestError, match="got '99999:' twice"):
        codec.decode_json(f"{{{','.join([*names, names[-1]])}}}".encode(), dict[str, Any])
