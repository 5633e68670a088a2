"""Every kind of lookup finds what a loop over all rows finds, and nothing that was not known by the cutoff."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.features import lookups
from ml.usecase import AsOf, Lookup, Since, Window
from tests.ml.features import naive
from tests.ml.features.naive import HOUR, START, asked, seen, view

AS_OF = AsOf("seen", by=("zone",), columns=("size", "kind"), within_hours=30)
BY = st.sampled_from([(), ("zone",)])
ON = st.sampled_from(["known_at", "event_time"])
WINDOWS = st.builds(
    lambda how, by, on, shrinkage: Window(
        "seen",
        column="size",
        how=how,
        by=by,
        on=on,
        days=(1, 3),
        hours=(5,),
        shrinkage=0 if how == "sum" else shrinkage,
    ),
    st.sampled_from(["mean", "sum", "count"]),
    BY,
    ON,
    st.sampled_from([0.0, 2.5]),
)
SINCE = st.builds(
    lambda by, on, settings: Since("seen", by=by, on=on, condition=settings, within_hours=40),
    BY,
    ON,
    st.sampled_from([None, "good"]),
)


@given(seen(), asked(), WINDOWS)
def test_a_window_is_what_a_loop_over_all_rows_finds(
    table: pd.DataFrame, entities: pd.DataFrame, feature: Window
) -> None:
    result = lookups.window(feature, view(table, entities))
    for name, seconds in feature.lookback_seconds.items():
        expected = [naive.window(table, entity, feature, seconds / 3600) for entity in entities.itertuples()]
        np.testing.assert_allclose(result[name], expected, atol=1e-12)


@given(seen(), asked(), SINCE)
def test_hours_since_are_what_a_loop_over_all_rows_finds(
    table: pd.DataFrame, entities: pd.DataFrame, feature: Since
) -> None:
    [result] = lookups.since(feature, view(table, entities)).values()
    np.testing.assert_array_equal(result, [naive.since(table, each, feature) for each in entities.itertuples()])


@given(seen(), asked())
def test_a_lookup_is_what_a_loop_over_all_rows_finds(table: pd.DataFrame, entities: pd.DataFrame) -> None:
    result = lookups.as_of(AS_OF, view(table, entities))
    rows = zip(*(result[name].astype(object) for name in AS_OF.columns), strict=True)
    expected = [naive.latest(table, entity, AS_OF) for entity in entities.itertuples()]
    assert [[None if pd.isna(value) else value for value in row] for row in rows] == expected


@given(seen(), asked(), st.one_of(WINDOWS, SINCE, st.just(AS_OF)), st.randoms(use_true_random=False))
def test_nothing_known_after_an_entitys_cutoff_moves_its_features(
    table: pd.DataFrame, entities: pd.DataFrame, feature: Lookup, chance: Any
) -> None:
    for place, cutoff in enumerate(entities["cutoff"]):
        late = table["known_at"] > cutoff
        moved = table.assign(
            size=table["size"].mask(late, chance.choice([1e15, -7, None])),
            kind=table["kind"].mask(late, "z"),
            good=table["good"].mask(late, chance.choice([0, 1])),
            zone=table["zone"].mask(late, chance.choice(["a", "b", "c"])),
            happened_at=table["happened_at"].mask(late, START + chance.randint(0, 200) * HOUR),
            known_at=table["known_at"].mask(late, cutoff + chance.randint(1, 99) * HOUR),
        )
        before, now = (lookups.look_up(feature, view(each, entities)) for each in (table, moved))
        one, other = (pd.DataFrame(each).iloc[[place]].astype(object) for each in (before, now))
        pd.testing.assert_frame_equal(one, other, check_exact=True)


@given(seen(), asked(), st.one_of(WINDOWS, SINCE).filter(lambda each: bool(each.by)))
def test_a_huge_value_of_one_group_does_not_touch_a_digit_of_another(
    table: pd.DataFrame, entities: pd.DataFrame, feature: Any
) -> None:
    if isinstance(feature, Window) and feature.shrinkage:
        return
    huge = pd.DataFrame(
        {"zone": ["a0", "aa"], "happened_at": START, "known_at": START, "size": [1e300, -1e300], "good": 1.0}
    )
    both = pd.concat(
        [table, huge.astype({"happened_at": table["happened_at"].dtype, "known_at": table["known_at"].dtype})]
    )
    one, other = (pd.DataFrame(lookups.look_up(feature, view(each, entities))) for each in (table, both))
    pd.testing.assert_frame_equal(one, other, check_exact=True)


@pytest.mark.parametrize(("how", "expected"), [("sum", 5.0), ("count", 2.0), ("mean", 2.5)])
def test_a_window_counts_and_sums_the_values_that_are_there(how: Any, expected: float) -> None:
    table = pd.DataFrame({"zone": ["a"] * 3, "known_at": START, "happened_at": START, "size": [2.0, np.nan, 3.0]})
    entities = pd.DataFrame({"zone": ["a"], "cutoff": [START]})
    feature = Window("seen", column="size", how=how, by=("zone",), days=(1,))
    assert lookups.window(feature, view(table, entities))[feature.outputs[0]][0] == expected


def test_any_column_can_be_counted() -> None:
    table = pd.DataFrame({"zone": ["a", "a", None], "known_at": START, "happened_at": START})
    feature = Window("seen", column="zone", how="count", hours=(1,))
    asking = pd.DataFrame({"zone": ["a"], "cutoff": [START]})
    assert lookups.window(feature, view(table, asking))["zone_count_by_all_1h"][0] == 2


def test_a_window_begins_just_after_its_length_and_ends_with_the_cutoff() -> None:
    moments = [START - HOUR, START - HOUR + pd.Timedelta(seconds=1), START, START + pd.Timedelta(seconds=1)]
    table = pd.DataFrame({"known_at": moments, "happened_at": moments, "size": [1.0, 2.0, 4.0, 8.0]})
    for on in ("known_at", "event_time"):
        feature = Window("seen", column="size", how="sum", hours=(1,), on=on)  # type: ignore[arg-type]
        result = lookups.window(feature, view(table, pd.DataFrame({"cutoff": [START]})))
        assert result[feature.outputs[0]].tolist() == [6.0]
