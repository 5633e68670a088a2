"""The types of features are known before any data came, and are those that the data then has."""

import importlib.util
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from include import usecases
from include.settings import Settings
from include.steps import ingest
from include.steps.features import build
from include.usecases import coherence, function_sources
from ml.errors import DeclarationError
from ml.usecase import UseCase


@pytest.mark.parametrize("name", ["flights", "employment"])
def test_every_feature_of_every_horizon_is_a_number_or_a_text(name: str) -> None:
    case = usecases.get(name)
    for horizon in case.horizons:
        types = function_sources.feature_types(case, horizon)
        assert tuple(types) == case.names_at(horizon)
        assert set(types.values()) == {"number", "text"}


def test_what_is_declared_of_the_toy_is_what_its_tables_have(home: Settings, taxi: UseCase) -> None:
    ingest.ingest("taxi", "2024-03-01..2024-03-03")
    build.build("taxi", "2024-03-01..2024-03-03")
    for horizon in taxi.horizons:
        rows = build.read(home.lake, taxi, horizon=horizon)
        numbers = {name for name in taxi.names_at(horizon) if pd.api.types.is_float_dtype(rows[name].dtype)}
        assert {
            name for name, kind in function_sources.feature_types(taxi, horizon).items() if kind == "number"
        } == numbers


@pytest.mark.parametrize(
    ("name", "function", "reported"),
    [
        ("pickup_hour", lambda pickup_at: None, "to return a pd.Series with a value for each of its rows"),
        ("is_late", lambda minutes_late: minutes_late.astype(str), "which a table derives, to return numbers"),
    ],
    ids=["a feature", "a derived column"],
)
def test_a_function_that_cannot_make_its_column_is_told_before_any_data_came(
    taxi: UseCase, monkeypatch: pytest.MonkeyPatch, name: str, function: Any, reported: str
) -> None:
    function_sources.check(taxi)
    functions = coherence.functions(taxi)
    monkeypatch.setattr(coherence, "functions", lambda _: functions | {name: function})
    with pytest.raises(DeclarationError, match=reported):
        function_sources.check(taxi)


FILE = '''"""Features."""

import numpy as np
from math import floor

LATE, EARLY = 10, -5
SEEN = {"north"}
SEEN.add("south")


def _minutes(x):
    return floor(x) - LATE


def late(x):
    return _minutes(x) > np.float64(0)


def early(x):
    return x < EARLY


def plain(x):
    return x
'''


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param("return floor(x) - LATE", "return floor(x) + LATE", {"late"}, id="a private function"),
        pytest.param("LATE, EARLY = 10, -5", "LATE, EARLY = 12, -5", {"late", "early"}, id="constants"),
        pytest.param("from math import floor", "from math import ceil as floor", {"late"}, id="an import"),
        pytest.param("def plain(x):\n    return x", "def plain(x):\n    return -x", {"plain"}, id="its own line"),
        pytest.param("def early", "# a word\n\n\ndef early", set(), id="a comment between"),
        pytest.param('"""Features."""', '"""More features."""', set(), id="the file's own words"),
    ],
)
def test_the_source_of_a_function_has_all_that_it_uses_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taxi: UseCase, before: str, after: str, expected: set[str]
) -> None:
    assert before in FILE

    def sources(text: str, number: int) -> dict[str, str]:
        path = tmp_path / f"features_{number}.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(usecases, "module", lambda name, part: module)
        return function_sources.function_sources(taxi)

    here, there = sources(FILE, 1), sources(FILE.replace(before, after), 2)
    assert set(here) == {"late", "early", "plain"}
    assert {name for name in here if here[name] != there[name]} == expected
