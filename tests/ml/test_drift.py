import numpy as np
import pandas as pd
import pytest

from ml import drift

REFERENCE = pd.DataFrame({"x": np.arange(1000.0), "kind": ["a"] * 500 + ["b"] * 500})


def test_the_same_rows_have_not_drifted() -> None:
    assert drift.population_stability(REFERENCE, REFERENCE) == {"x": pytest.approx(0), "kind": pytest.approx(0)}


def test_a_share_that_moved_from_half_to_four_fifths_has_the_index_of_the_formula() -> None:
    current = pd.DataFrame({"x": REFERENCE["x"], "kind": ["a"] * 800 + ["b"] * 200})
    expected = 0.3 * np.log(0.8 / 0.5) - 0.3 * np.log(0.2 / 0.5)
    assert drift.population_stability(REFERENCE, current)["kind"] == pytest.approx(expected)


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
    assert drift.population_stability(REFERENCE, current)["x"] > 0.2


@pytest.mark.parametrize("kind", ["c", None], ids=["a level never seen", "missing"])
def test_a_new_level_has_drifted(kind: str | None) -> None:
    current = pd.DataFrame({"x": REFERENCE["x"], "kind": pd.Series([kind] * 1000, dtype=object)})
    assert drift.population_stability(REFERENCE, current)["kind"] > 0.2


@pytest.mark.parametrize("value", [3.0, np.nan], ids=["constant", "always missing"])
def test_a_column_of_one_value_that_stays_has_not_drifted(value: float) -> None:
    frame = pd.DataFrame({"x": [value] * 100})
    assert drift.population_stability(frame, frame.head(10))["x"] == pytest.approx(0)
