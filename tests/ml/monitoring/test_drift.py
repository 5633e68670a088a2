from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.monitoring import drift, reference_profile
from ml.usecase import Drift, Night
from ml.usecase.periods import Period

LAW = settings(max_examples=50, deadline=None)
VALUES = st.lists(st.none() | st.floats(-100, 100), min_size=1, max_size=50)
REFERENCE = pd.DataFrame({"x": np.arange(1000.0), "kind": ["a"] * 500 + ["b"] * 500})


def indexes(reference: pd.DataFrame, current: pd.DataFrame, texts: tuple[str, ...] = ()) -> dict[str, float]:
    return drift.population_stability_indexes(reference_profile.build(reference, texts), current)


def effects(reference: pd.DataFrame, current: pd.DataFrame) -> dict[str, float]:
    return drift.excess_stability_indexes(reference_profile.build(reference), current)


def test_the_same_rows_have_not_drifted() -> None:
    assert indexes(REFERENCE, REFERENCE) == {"x": pytest.approx(0), "kind": pytest.approx(0)}


def test_a_share_that_moved_from_half_to_four_fifths_has_the_index_of_the_formula() -> None:
    current = pd.DataFrame({"x": REFERENCE["x"], "kind": ["a"] * 800 + ["b"] * 200})
    expected = 0.3 * np.log(0.8 / 0.5) - 0.3 * np.log(0.2 / 0.5)
    assert indexes(REFERENCE, current)["kind"] == pytest.approx(expected)


@pytest.mark.parametrize(
    "current",
    [
        pd.DataFrame({"x": REFERENCE["x"] + 500, "kind": REFERENCE["kind"]}),
        pd.DataFrame({"x": [np.nan] * 1000, "kind": REFERENCE["kind"]}),
        pd.DataFrame({"x": [np.inf] * 1000, "kind": REFERENCE["kind"]}),
    ],
    ids=["moved", "went missing", "infinite"],
)
def test_a_number_that_moved_has_drifted(current: pd.DataFrame) -> None:
    assert indexes(REFERENCE, current)["x"] > 0.2


@pytest.mark.parametrize("kind", ["c", None], ids=["a level never seen", "missing"])
def test_a_new_level_has_drifted(kind: str | None) -> None:
    current = pd.DataFrame({"x": REFERENCE["x"], "kind": pd.Series([kind] * 1000, dtype=object)})
    assert indexes(REFERENCE, current)["kind"] > 0.2


@pytest.mark.parametrize("value", [3.0, np.nan], ids=["constant", "always missing"])
def test_a_column_of_one_value_that_stays_has_not_drifted(value: float) -> None:
    frame = pd.DataFrame({"x": [value] * 100})
    assert indexes(frame, frame.head(10))["x"] == pytest.approx(0)


def index(reference: object, current: object) -> float:
    return indexes(pd.DataFrame({"x": reference}), pd.DataFrame({"x": current}))["x"]


@LAW
@given(VALUES, VALUES)
def test_the_index_is_never_negative_and_0_against_itself(one: list[float | None], other: list[float | None]) -> None:
    assert index(pd.Series(one, dtype=float), pd.Series(other, dtype=float)) >= 0
    assert index(pd.Series(one, dtype=float), pd.Series(one, dtype=float)) == 0


@pytest.mark.parametrize(
    ("reference", "current"),
    [
        pytest.param([5.0] * 100, [6.0] * 100, id="a constant that rose"),
        pytest.param([5.0] * 100, [4.0] * 100, id="a constant that fell"),
        pytest.param([False] * 95 + [True] * 5, [True] * 100, id="a rare flag raised everywhere"),
        pytest.param([0] * 95 + [1] * 5, [0] * 50 + [1] * 50, id="a rare number become frequent"),
        pytest.param(np.arange(100.0), [None] * 100, id="numbers gone, and their type"),
        pytest.param([np.nan] * 100, np.arange(100.0), id="numbers come at last"),
        pytest.param(np.arange(100.0), pd.Series([], dtype=float), id="no numbers at all"),
        pytest.param(["a", "b"], pd.Series([], dtype=object), id="no levels at all"),
    ],
)
def test_what_is_distributed_otherwise_has_drifted(reference: object, current: object) -> None:
    assert 0.2 < index(reference, current) < np.inf


@pytest.mark.parametrize(
    ("reference", "current"),
    [
        pytest.param([True, False] * 50, [False, True] * 20, id="a flag"),
        pytest.param(pd.array([1, None] * 50, "Int64"), pd.array([None, 1] * 50, "Int64"), id="integers with gaps"),
        pytest.param(pd.Series([1, 2] * 50, dtype=object), pd.Series([2, 1] * 9, dtype=object), id="objects"),
        pytest.param(["a", None] * 50, [None, "a"] * 9, id="levels with gaps"),
        pytest.param([None] * 9, [None] * 9, id="never a level"),
    ],
)
def test_what_is_distributed_alike_has_not_drifted(reference: object, current: object) -> None:
    assert index(reference, current) == pytest.approx(0)


def test_the_index_is_the_formula_over_ten_bins_of_equal_count() -> None:
    current = np.r_[np.arange(100), np.full(100, 99.0)]
    expected = 9 * (0.05 - 0.1) * np.log(0.05 / 0.1) + (0.55 - 0.1) * np.log(0.55 / 0.1)
    assert index(np.arange(100.0), current) == pytest.approx(expected)


def test_texts_are_measured_by_their_length() -> None:
    reference = pd.DataFrame({"note": [f"{n:03d}" for n in range(200)] + [None]})
    alike, longer = reference.assign(note=reference["note"].str[::-1]), reference.assign(note=reference["note"] + "!!")
    result = [indexes(reference, each, ("note", "other"))["note"] for each in (alike, longer)]
    assert result[0] == pytest.approx(0)
    assert result[1] > 0.2


@LAW
@given(st.integers(40, 2000), st.integers(40, 30_000), st.integers(0, 2**31))
def test_what_has_not_moved_shows_next_to_no_effect_however_few_or_many_rows_there_are(
    n: int, m: int, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    rows = [
        pd.DataFrame({"x": chance.normal(size=each), "kind": chance.choice(["a", "b", "c"], each)}) for each in (n, m)
    ]
    assert max(effects(*rows).values()) < 0.35
    assert sum(effects(*rows).values()) / 2 < 0.2


def test_an_effect_is_0_on_average_where_the_plain_index_grows_with_fewer_rows() -> None:
    chance = np.random.default_rng(7)
    many = pd.DataFrame({"x": chance.normal(size=5000)})
    few = [pd.DataFrame({"x": chance.normal(size=60)}) for _ in range(200)]
    assert np.mean([indexes(many, each)["x"] for each in few]) > 0.15
    assert np.mean([effects(many, each)["x"] for each in few]) < 0.03


@pytest.mark.parametrize("rows", [200, 2000, 20_000, 50_000])
def test_what_has_moved_shows_the_same_effect_whatever_the_number_of_rows(rows: int) -> None:
    chance = np.random.default_rng(3)
    reference = pd.DataFrame({"x": chance.normal(size=50_000)})
    result = np.mean([effects(reference, pd.DataFrame({"x": chance.normal(0.7, size=rows)}))["x"] for _ in range(20)])
    assert result == pytest.approx(0.49, abs=0.07)


@pytest.mark.parametrize("moved", [[np.nan] * 90, [3.0] * 90], ids=["missing", "constant"])
def test_a_feature_that_broke_has_a_great_effect(moved: list[float]) -> None:
    reference = pd.DataFrame({"x": np.arange(1000.0)})
    assert effects(reference, pd.DataFrame({"x": moved}))["x"] > 1


NIGHTLY = Night(hour=2, timezone="UTC")
LEARNED, TONIGHT = Period(date(2024, 1, 1), date(2024, 2, 1)), date(2025, 3, 10)


@pytest.mark.parametrize(
    ("declared", "reference"),
    [
        (Drift(), LEARNED),
        (Drift(reference="past"), Period(date.min, date(2025, 3, 6))),
        (Drift(reference="season", season_nights=364), Period(date(2024, 3, 6), date(2024, 3, 13))),
        (Drift(reference="season", season_nights=3), Period(date(2025, 3, 2), date(2025, 3, 6))),
    ],
    ids=["training", "past", "season", "a season that has hardly passed"],
)
def test_the_window_is_held_against_what_is_declared(declared: Drift, reference: Period) -> None:
    result, current = drift.comparison_periods(declared, 4, TONIGHT, LEARNED, NIGHTLY)
    assert current == Period(date(2025, 3, 7), TONIGHT)
    assert result == reference


def test_the_share_is_that_of_the_features_beyond_the_bar() -> None:
    current = REFERENCE.assign(x=REFERENCE["x"] + 500)
    reference = reference_profile.build(REFERENCE)
    assert drift.drifted_share(reference, current, Drift()) == 0.5
    assert drift.drifted_share(reference, current, Drift(psi_threshold=50.0)) == 0
    assert drift.drifted_share(reference, REFERENCE.head(0), Drift()) is None
    assert drift.drifted_share(reference_profile.build(REFERENCE.head(0)), current, Drift()) is None
