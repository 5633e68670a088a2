"""Features see what was known by the cutoff, as a loop over all rows would, and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml import features
from ml.usecase import AsOf, Column, Function, Live, Ratio, Text, UseCase, Window
from ml.usecase.features import title
from tests.january import after, january
from tests.ml.usecase.test_use_case import use_case

DAY = pd.Timedelta(days=1)


@pytest.mark.parametrize("day", [9, 20, 30])
def test_on_real_flights_nothing_known_after_the_cutoff_moves_a_feature(day: int) -> None:
    month = january()
    cutoff = pd.Timestamp(month.case.schedule.cutoff(date(2013, 1, day)))
    past = (month.features["night"] <= f"2013-01-{day:02d}").to_numpy()
    built = month.build(_perturbed(cutoff, seed=day))
    pd.testing.assert_frame_equal(built[past], month.features[past], check_exact=True, check_categorical=False)


@pytest.mark.parametrize("instant", ["2013-01-09 23:59:59", "2013-01-20 17:30", "2013-01-30 12:00"])
def test_on_real_flights_nothing_known_after_its_own_cutoff_moves_a_live_feature(instant: str) -> None:
    month, cutoff = january(), pd.Timestamp(instant, tz="UTC")
    decided = month.entities[month.case.lives[0].before] - pd.Timedelta(hours=month.case.lives[0].hours)
    past = (decided <= cutoff).to_numpy()
    built = month.build(_perturbed(cutoff, seed=cutoff.day), month.case.lives[0])
    assert past.any()
    assert not past.all()
    pd.testing.assert_frame_equal(built[past], month.live[past], check_exact=True, check_categorical=False)


def _perturbed(cutoff: pd.Timestamp, seed: int) -> dict[str, pd.DataFrame]:
    """Return January's tables with all that became known after `cutoff` changed."""
    month, chance = january(), np.random.default_rng(seed)
    assert all(after(rows, cutoff).any() for rows in month.tables.values())
    return {name: _scrambled(rows, after(rows, cutoff), chance) for name, rows in month.tables.items()}


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


def visits(*lives: Live, **changes: Any) -> UseCase:
    looked_up = (
        Column("zone"),
        Function("hour"),
        AsOf("visits", by=("zone",), columns=("came",), within_hours=48),
        Window("visits", column="came", how="mean", by=("who",), days=(7,)),
    )
    return use_case(*lives, **({"features": looked_up} | changes))


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
        "cutoff": [pd.Timestamp("2013-01-02 02:00", tz="UTC"), pd.Timestamp("2013-01-03 02:00", tz="UTC")],
        "zone": ["a", "b"],
        "hour": [15.0, 16.0],
        "came": [1.0, pytest.approx(np.nan, nan_ok=True)],
        "came_mean_by_who_7d": [1.0, pytest.approx(np.nan, nan_ok=True)],
    }
    assert list(map(str, built.dtypes[2:])) == ["datetime64[us, UTC]", "category", "float64", "float64", "float64"]


def test_tables_without_rows_give_missing_features() -> None:
    built = features.build(visits(), FUNCTIONS, PLANS, {"visits": VISITS.head(0)})
    assert built[["came", "came_mean_by_who_7d"]].isna().all(axis=None)


def test_no_entities_give_no_rows_of_the_same_columns() -> None:
    built = features.build(visits(), FUNCTIONS, PLANS.head(0), {"visits": VISITS})
    assert list(built.columns[3:]) == list(visits().feature_names)
    assert built.empty


def test_at_the_event_only_what_the_cutoff_did_not_know_is_told() -> None:
    reported = pd.concat([VISITS, VISITS.assign(at=VISITS["at"] + DAY, known_at=VISITS["known_at"] + DAY, came=0.0)])
    later = features.lookups_at_event(visits(), PLANS.assign(zone="a"), {"visits": reported})
    assert later["came"].tolist() == [0.0, pytest.approx(np.nan, nan_ok=True)]


@given(st.integers(0, 2**31))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    shuffled = VISITS.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(
        features.build(visits(), FUNCTIONS, PLANS, {"visits": shuffled}),
        features.build(visits(), FUNCTIONS, PLANS, {"visits": VISITS}),
    )


LIVE = Live(before="at", hours=1, features=(Window("visits", column="came", how="count", by=("zone",), hours=(20,)),))


def test_at_the_live_horizon_each_entity_asks_at_its_own_cutoff_and_sees_more() -> None:
    reported = pd.concat([VISITS, VISITS.assign(known_at=pd.Timestamp("2013-01-02 14:00:01", tz="UTC"), came=0.0)])
    entities = pd.concat([PLANS.assign(zone="a"), PLANS.assign(zone="a", at=PLANS["at"] + pd.Timedelta(seconds=1))])
    built = features.build(visits(LIVE), FUNCTIONS, entities, {"visits": reported}, LIVE)
    assert list(built.columns[3:]) == [*visits().feature_names, "came_count_by_zone_20h"]
    assert built["came_count_by_zone_20h"].tolist() == [0.0, 0.0, 1.0, 0.0]
    assert built["cutoff"].tolist() == (entities["at"] - pd.Timedelta(hours=1)).tolist()


def test_the_night_does_not_see_what_is_declared_for_the_live_horizon() -> None:
    built = features.build(visits(LIVE), FUNCTIONS, PLANS, {"visits": VISITS})
    assert list(built.columns[3:]) == list(visits().feature_names)


def test_an_entity_without_an_instant_of_its_own_knows_nothing() -> None:
    built = features.build(visits(LIVE), FUNCTIONS, PLANS.assign(at=pd.NaT), {"visits": VISITS}, LIVE)
    assert built[["came", "came_mean_by_who_7d", "cutoff"]].isna().all(axis=None)
    assert built["came_count_by_zone_20h"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("shrinkage", "expected"),
    [(0, [2 / 3, np.nan]), (2, [(2 + 2 * 0.5) / (3 + 2), (0 + 2 * 0.5) / 2])],
    ids=["as it is", "drawn towards the ratio of all"],
)
def test_a_ratio_is_one_feature_over_another(shrinkage: float, expected: list[float]) -> None:
    windows = [Window("visits", column="came", how=how, by=("zone",), days=(7,)) for how in ("sum", "count")]  # type: ignore[arg-type]
    of, to = (each.outputs[0] for each in windows)
    share = Ratio("came_share", numerator=of, denominator=to, shrinkage=shrinkage)
    reported = pd.concat([VISITS] * 4).assign(came=[1.0, 1.0, 0.0, 0.0], zone=["a", "a", "a", "c"])
    built = features.build(visits(features=(*windows, share)), FUNCTIONS, PLANS, {"visits": reported})
    np.testing.assert_allclose(built["came_share"], expected)


def test_a_text_is_kept_as_it_came() -> None:
    built = features.build(visits(features=(Text("zone"),)), FUNCTIONS, PLANS, {})
    assert built["zone"].tolist() == ["a", "b"]
    assert str(built["zone"].dtype) == "category"


def test_a_declaration_is_made_inside_its_own_watch() -> None:
    inside: list[str] = []
    called: list[list[str]] = []
    entered: set[str] = set()

    @contextmanager
    def watch(name: str) -> Iterator[None]:
        entered.add(name)
        inside.append(name)
        yield
        inside.remove(name)

    def hour(at: "pd.Series[Any]") -> "pd.Series[Any]":
        called.append(list(inside))
        return at.dt.hour

    watched = features.build(visits(), {"hour": hour}, PLANS, {"visits": VISITS}, timer=watch)
    pd.testing.assert_frame_equal(watched, features.build(visits(), FUNCTIONS, PLANS, {"visits": VISITS}))
    assert called == [["hour"]]
    assert entered == {title(each) for each in visits().features}
