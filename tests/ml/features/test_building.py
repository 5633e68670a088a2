"""Features see what was known by the cutoff, as a loop over all rows would, and nothing else."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml import features
from ml.usecase import AsOf, Column, Function, Night, UseCase, Window
from tests.january import after, january
from tests.ml.usecase.test_case import use_case

DAY = pd.Timedelta(days=1)


@pytest.mark.parametrize("day", [9, 20, 30])
def test_on_real_flights_nothing_known_after_the_cutoff_moves_a_feature(day: int) -> None:
    month, chance = january(), np.random.default_rng(day)
    cutoff = pd.Timestamp(month.case.horizon.cutoff(date(2013, 1, day)))
    tables = {name: _scrambled(rows, after(rows, cutoff), chance) for name, rows in month.tables.items()}
    past = (month.features["night"] <= f"2013-01-{day:02d}").to_numpy()
    assert sum(after(rows, cutoff).sum() for rows in month.tables.values()) > 0
    pd.testing.assert_frame_equal(
        month.build(tables)[past], month.features[past], check_exact=True, check_categorical=False
    )


def _scrambled(rows: pd.DataFrame, late: "pd.Series[bool]", chance: np.random.Generator) -> pd.DataFrame:
    """Return `rows` with every value but `known_at` of the late ones shuffled, and numbers made absurd besides."""
    places = np.flatnonzero(late)
    changed = {}
    for name in rows.columns.drop("known_at"):
        column = rows[name].copy()
        column.iloc[places] = column.iloc[chance.permutation(places)].to_numpy()
        if column.dtype == np.float64:
            column.iloc[places] = column.iloc[places] * -1e12 + 7
        changed[name] = column
    return rows.assign(**changed).sample(frac=1, random_state=int(chance.integers(2**31)))


def visits(**changes: Any) -> UseCase:
    looked_up = (
        Column("zone"),
        Function("hour"),
        AsOf("visits", by=("zone",), columns=("came",), within_hours=48),
        Window("visits", of="came", how="mean", by=("who",), days=(7,)),
    )
    return use_case(**({"features": looked_up, "horizon": Night(hour=2, timezone="UTC")} | changes))


PLANS = pd.DataFrame(
    {
        "day": pd.to_datetime(["2013-01-02", "2013-01-03"]),
        "who": [7.0, 8.0],
        "zone": ["a", "b"],
        "at": pd.to_datetime(["2013-01-02 15:00", "2013-01-03 16:00"], utc=True),
    }
)
VISITS = pd.DataFrame(
    {
        "who": [7.0],
        "zone": ["a"],
        "at": pd.to_datetime(["2013-01-01 15:00"], utc=True),
        "known_at": pd.to_datetime(["2013-01-01 16:00"], utc=True),
        "came": [1.0],
    }
)
FUNCTIONS = {"hour": lambda at: at.dt.hour}


def test_entities_become_ids_nights_and_typed_features() -> None:
    built = features.build(visits(), FUNCTIONS, PLANS, {"visits": VISITS})
    assert built.to_dict("list") == {
        "entity": ["2013-01-02|7", "2013-01-03|8"],
        "night": ["2013-01-02", "2013-01-03"],
        "zone": ["a", "b"],
        "hour": [15.0, 16.0],
        "came": [1.0, pytest.approx(np.nan, nan_ok=True)],
        "came_mean_by_who_7d": [1.0, pytest.approx(np.nan, nan_ok=True)],
    }
    assert list(map(str, built.dtypes[2:])) == ["category", "float64", "float64", "float64"]


def test_tables_without_rows_give_missing_features() -> None:
    built = features.build(visits(), FUNCTIONS, PLANS, {"visits": VISITS.head(0)})
    assert built[["came", "came_mean_by_who_7d"]].isna().all(axis=None)


def test_no_entities_give_no_rows_of_the_same_columns() -> None:
    built = features.build(visits(), FUNCTIONS, PLANS.head(0), {"visits": VISITS})
    assert list(built.columns[2:]) == list(visits().feature_names)
    assert built.empty


@given(st.lists(st.tuples(*[st.text("a|\\", max_size=3)] * 2), unique=True, min_size=1, max_size=6))
def test_different_keys_are_different_entities(keys: list[tuple[str, str]]) -> None:
    case = use_case()
    rows = pd.DataFrame(keys, columns=["day", "who"], dtype=object)
    assert features.entity_ids(case, rows).nunique() == len(keys)


def test_at_the_event_only_what_the_cutoff_did_not_know_is_told() -> None:
    told = pd.concat([VISITS, VISITS.assign(at=VISITS["at"] + DAY, known_at=VISITS["known_at"] + DAY, came=0.0)])
    later = features.at_event(visits(), PLANS.assign(zone="a"), {"visits": told})
    assert later["came"].tolist() == [0.0, pytest.approx(np.nan, nan_ok=True)]


@given(st.integers(0, 2**31))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    shuffled = VISITS.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(
        features.build(visits(), FUNCTIONS, PLANS, {"visits": shuffled}),
        features.build(visits(), FUNCTIONS, PLANS, {"visits": VISITS}),
    )
