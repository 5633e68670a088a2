"""The schema accepts every real use case, and refuses what the declaration refuses."""

import copy
import importlib
import json
from typing import Any

import jsonschema
import pytest

from include import usecases
from include.cli.docs import use_case_page, use_case_schema
from include.settings import PROJECT
from ml.usecase import UseCase

IN_TESTS = [
    importlib.import_module(f"tests.usecases.{file.parent.name}.usecase").USE_CASE
    for file in sorted((PROJECT / "tests/usecases").glob("*/usecase.py"))
]
SCHEMA = use_case_schema.schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
FLIGHTS = json.loads(json.dumps(use_case_schema.to_json(usecases.get("flights"))))


def test_it_is_a_schema_of_every_class() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["$defs"]) == {each.__name__ for each in use_case_page.classes()}


@pytest.mark.parametrize("case", [*usecases.all(), *IN_TESTS], ids=lambda case: case.name)
def test_every_use_case_is_valid(case: UseCase) -> None:
    VALIDATOR.validate(json.loads(json.dumps(use_case_schema.to_json(case))))


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("horizons", 0, "hour"), 24, "not valid under any|greater than the maximum"),
        (("matured_share",), 0, "less than or equal to the minimum"),
        (("horizons", 0, "every"), "week", "not valid under any|is not one of"),
        (("cost", "act"), "much", "not valid under any"),
        (("colour",), "red", "Additional properties"),
        (("release", "approvers"), ["one"], "too short"),
        (("features",), [], "non-empty|too short"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else None,
)
def test_a_wrong_value_is_invalid(path: tuple[Any, ...], value: Any, reason: str) -> None:
    wrong = copy.deepcopy(FLIGHTS)
    part = wrong
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError, match=reason):
        VALIDATOR.validate(wrong)


def test_a_missing_field_is_invalid() -> None:
    wrong = {name: value for name, value in FLIGHTS.items() if name != "question"}
    with pytest.raises(jsonschema.ValidationError, match="'question' is a required property"):
        VALIDATOR.validate(wrong)
