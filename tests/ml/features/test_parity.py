"""Two ways to the same features are compared to the last bit, and what differs is told so that one can act on it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.features import parity
from ml.features.parity import Comparison, FeatureDifference

NAMES = ["congestion", "zone", "cutoff"]
AT = pd.Timestamp("2024-03-16 21:30", tz="UTC")
ROWS = pd.DataFrame(
    {"congestion": [0.5, np.nan, 0.25], "zone": ["north", "south", None], "cutoff": [AT, AT, pd.NaT]},
    index=pd.Index(["a", "b", "c"]),
)


def compared(result: pd.DataFrame, **more: object) -> Comparison:
    return parity.compare("online store", ROWS, result, NAMES, **more)  # type: ignore[arg-type]


@given(st.permutations(list(ROWS.index)))
def test_a_way_agrees_with_itself_in_any_order(order: list[str]) -> None:
    result = compared(ROWS.loc[order].astype({"zone": "category"}))
    assert result == Comparison(source="online store", rows=3, absent=(), differences=())
    assert str(result) == "online store: 3 entities, the same to the last bit"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"congestion": [0.5, 0.0, 0.25]},
            FeatureDifference(
                feature="congestion", entities=1, max_difference=None, examples=("b: expected nan, got 0.0",)
            ),
            id="null filled with 0",
        ),
        pytest.param(
            {"congestion": [np.nextafter(0.5, 1), np.nan, 0.75]},
            FeatureDifference(
                feature="congestion",
                entities=2,
                max_difference=0.5,
                examples=("a: expected 0.5, got 0.5000000000000001", "c: expected 0.25, got 0.75"),
            ),
            id="the last bit",
        ),
        pytest.param(
            {"zone": ["north", "north", ""]},
            FeatureDifference(
                feature="zone",
                entities=2,
                max_difference=None,
                examples=("b: expected south, got north", "c: expected None, got "),
            ),
            id="texts",
        ),
        pytest.param(
            {"cutoff": [AT + pd.Timedelta(hours=5.5), AT, pd.NaT]},
            FeatureDifference(
                feature="cutoff",
                entities=1,
                max_difference=None,
                examples=("a: expected 2024-03-16 21:30:00+00:00, got 2024-03-17 03:00:00+00:00",),
            ),
            id="another instant",
        ),
    ],
)
def test_what_differs_is_told_by_feature_count_size_and_example(
    changes: dict[str, list[object]], expected: FeatureDifference
) -> None:
    assert compared(ROWS.assign(**changes)).differences == (expected,)


def test_minus_zero_is_not_zero() -> None:
    zero = ROWS.assign(congestion=0.0)
    minus = parity.compare("snapshot", zero, zero.assign(congestion=-0.0), ["congestion"])
    assert [each.entities for each in minus.differences] == [3]


def test_entities_that_are_absent_are_counted_and_named() -> None:
    result = compared(ROWS.loc[["b"]].assign(congestion=1.0))
    assert (result.absent, result.differing_values) == (("a", "c"), 3)
    assert str(result) == (
        "online store differs from the table of features for 3 entities: 2 absent (a, c); "
        "congestion of 1 entities (b: expected nan, got 1.0)"
    )


def test_what_nobody_asked_for_may_be_there_too() -> None:
    more = ROWS.assign(other=1.0)
    assert not compared(pd.concat([more, more.rename(str.upper)])).differing_values


def test_hidden_values_are_counted_and_not_shown() -> None:
    [result] = compared(ROWS.assign(congestion=0.125), hidden=["congestion"]).differences
    assert (result.entities, result.max_difference) == (3, None)
    assert result.examples == ("a: expected ***, got ***", "b: expected ***, got ***", "c: expected ***, got ***")


def test_a_way_that_could_not_be_gone_counts_as_one_difference_and_says_why() -> None:
    result = parity.Comparison(source="snapshot", rows=0, absent=(), differences=(), failure="it was cut")
    assert result.differing_values == 1
    assert str(result) == "snapshot differs from the table of features for 0 entities: it was cut"
