import json
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.governance import privacy
from ml.usecase import AsOf, Binary, Column, Cost, Demo, Feature, Function, Night, Personal, Table, UseCase, Window

NEEDS = {"is_grown_up": ("age",), "pay_by_year": ("pay", "age"), "hour": ("asked_at",)}
AGE, PAY = Personal(column="age"), Personal(column="pay", may_reach=("features", "logs"), why="priced")
PEOPLE = Table(
    name="people", schema="People", key=("person",), night="asked_at", derived=("is_grown_up",), personal=(AGE, PAY)
)
ANSWERS = Table(name="answers", schema="Answers", key=("person",), known_at="asked_at")


def case(*features: Feature, people: Table = PEOPLE) -> UseCase:
    return UseCase(
        name="survey",
        question="Will this person answer?",
        task=Binary(label="answered", table="answers"),
        entities="people",
        tables=(people, ANSWERS),
        horizons=(Night(hour=0, timezone="UTC"),),
        features=features,
        cost=Cost(act=1, miss=9, averted=1),
        demo=Demo(history="2024-01-01..2024-01-31", nights="2024-02-01"),
    )


def test_each_column_has_a_class() -> None:
    columns = ["person", "age", "pay", "asked_at", "is_grown_up"]
    assert list(privacy.classify_columns(PEOPLE, columns, NEEDS).values()) == [
        "identifier",
        "personal",
        "personal",
        "plain",
        "personal",
    ]


@pytest.mark.parametrize(
    ("place", "hidden"),
    [
        ("features", {"age", "is_grown_up"}),
        ("logs", {"age", "is_grown_up"}),
        ("reports", {"age", "is_grown_up", "pay"}),
    ],
)
def test_a_place_hides_what_may_not_reach_it(place: Any, hidden: set[str]) -> None:
    assert privacy.hidden_columns(PEOPLE, place, NEEDS) == hidden


def test_what_is_made_of_two_columns_may_go_where_both_may() -> None:
    about = (replace(AGE, may_reach=("features", "reports"), why="asked for"), PAY)
    table = replace(PEOPLE, derived=("pay_by_year",), personal=about)
    assert privacy.personal_columns(table, NEEDS)["pay_by_year"] == {"features"}


def test_a_derived_column_that_is_declared_itself_goes_where_that_says() -> None:
    own = Personal(column="is_grown_up", may_reach=("logs",), why="says little")
    assert privacy.hidden_columns(replace(PEOPLE, personal=(AGE, own)), "logs", NEEDS) == {"age"}


@pytest.mark.parametrize(
    ("feature", "reach"),
    [
        (Column("pay"), {"pay": {"features", "logs"}}),
        (Column("person"), {}),
        (Function("pay_by_year"), {"pay_by_year": set()}),
        (Function("hour"), {}),
        (AsOf("people", by=("person",), columns=("pay", "asked_at")), {"pay": {"features", "logs"}, "asked_at": {"features", "logs"}}),
        (Window("people", column="person", how="count", by=("age",), days=(7,)), {"person_count_by_age_7d": set()}),
        (Window("answers", column="answered", how="mean", days=(7,)), {}),
    ],
    ids=["a column", "an identifier", "a function of two", "a function of none", "a lookup", "a window by", "another table"],
)  # fmt: skip
def test_a_feature_is_personal_when_anything_that_it_names_is(feature: Feature, reach: dict[str, set[str]]) -> None:
    assert privacy.personal_features(case(feature), NEEDS) == reach


def test_what_a_feature_is_made_of_an_earlier_feature_stays_personal() -> None:
    chained = case(Function("pay_by_year"), Function("pay_again"))
    assert "pay_again" in privacy.personal_features(chained, NEEDS | {"pay_again": ("pay_by_year",)})


@dataclass(frozen=True, slots=True)
class Since:
    """A kind of feature that this module has never heard of."""

    table: str
    columns: tuple[tuple[str, int], ...]
    outputs: tuple[str, ...] = ("since",)


def test_a_kind_of_feature_that_is_not_known_here_is_held_to_it_too() -> None:
    made: Any = Since("people", columns=(("age", 1),))
    declared = case(Column("zone"))
    object.__setattr__(declared, "features", (made,))  # no declaration takes a feature of an unknown kind
    ((_, used),) = privacy.personal_inputs(declared, NEEDS)
    assert used == {"age": frozenset()}


CELLS = st.one_of(st.text(max_size=8), st.floats(allow_nan=False), st.integers(), st.none())
ROWS = st.lists(st.fixed_dictionaries({"age": CELLS, "name": CELLS, "zone": CELLS}), min_size=1, max_size=5)
COLUMNS = st.sets(st.sampled_from(["age", "name", "zone", "elsewhere"]))


@given(ROWS, COLUMNS)
def test_a_masked_table_tells_nothing_of_hidden_columns_and_all_of_the_others(
    rows: list[dict[str, Any]], hidden: set[str]
) -> None:
    frame = pd.DataFrame(rows, dtype=object)
    masked = privacy.mask(frame, hidden)
    reported, kept = hidden & set(frame.columns), [name for name in frame.columns if name not in hidden]
    assert {cell for name in reported for cell in masked[name]} <= {privacy.MASKED}
    pd.testing.assert_frame_equal(masked[kept], frame[kept])
    assert list(masked.columns) == list(frame.columns)


@given(ROWS, COLUMNS)
def test_a_masked_record_tells_nothing_of_hidden_columns_and_all_of_the_others(
    rows: list[dict[str, Any]], hidden: set[str]
) -> None:
    masked = json.loads(privacy.mask_record(json.dumps(rows[0]), hidden))
    assert masked == {name: privacy.MASKED if name in hidden else cell for name, cell in rows[0].items()}


@pytest.mark.parametrize("text", ['["ann", "41"]', "ann,41", "", '"ann"'])
def test_a_record_whose_cells_have_no_names_is_masked_whole(text: str) -> None:
    assert privacy.mask_record(text, {"name"}) == privacy.MASKED
    assert privacy.mask_record(text, ()) == text


@given(st.text(), st.one_of(st.text(), st.floats(), st.integers()))
def test_a_reason_made_of_a_hidden_column_is_the_same_whatever_its_value(column: str, value: object) -> None:
    assert privacy.mask_value(column, value, {column}) == privacy.MASKED
    assert privacy.mask_value(column, value, {column + "s"}) == str(value)
