"""Features see what was known by the cutoff, as a loop over all rows would, and nothing else."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml import features, timeline
from ml.timeline import View
from ml.usecase import AsOf, Column, Function, Night, UseCase, Window
from tests.january import after, january
from tests.ml.usecase.test_case import use_case

HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)
START = pd.Timestamp("2013-01-01", tz="UTC")
ZONES = ["a", "b", None]
AS_OF = AsOf("seen", by=("zone",), columns=("size", "kind"), within_hours=30)


@st.composite
def seen(draw: st.DrawFn) -> pd.DataFrame:
    """A table whose rows happen, and become known later, in no order: ties, missing groups and values, or no rows."""
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(ZONES),
                st.integers(0, 96),
                st.integers(0, 60),
                st.one_of(st.none(), st.integers(-5, 5)),
                st.sampled_from(["x", "y", None]),
            ),
            max_size=25,
        )
    )
    happened = START + pd.to_timedelta([row[1] for row in rows], unit="h")
    return pd.DataFrame(
        {
            "zone": pd.Series([row[0] for row in rows], dtype=object),
            "happened_at": pd.Series(happened, dtype="datetime64[ns, UTC]"),
            "known_at": pd.Series(
                happened + pd.to_timedelta([row[2] for row in rows], unit="h"), dtype="datetime64[ns, UTC]"
            ),
            "size": pd.Series([row[3] for row in rows], dtype=np.float64),
            "kind": pd.Series([row[4] for row in rows], dtype=object),
        }
    )


@st.composite
def asked(draw: st.DrawFn) -> pd.DataFrame:
    """Entities with a zone and a cutoff."""
    rows = draw(st.lists(st.tuples(st.sampled_from([*ZONES, "unseen"]), st.integers(0, 160)), min_size=1, max_size=8))
    cutoffs = pd.Series(START + pd.to_timedelta([row[1] for row in rows], unit="h"), dtype="datetime64[ns, UTC]")
    return pd.DataFrame({"zone": pd.Series([row[0] for row in rows], dtype=object), "cutoff": cutoffs})


def view(table: pd.DataFrame, entities: pd.DataFrame) -> View:
    return View(table, entities, timeline.seconds(table["known_at"]), timeline.seconds(entities["cutoff"]))


def group(table: pd.DataFrame, zone: str | None, by: tuple[str, ...]) -> pd.DataFrame:
    return table[table["zone"].notna() & (table["zone"] == zone)] if by else table


def slow_mean(table: pd.DataFrame, entity: Any, feature: Window, days: int) -> float:
    """Return the window's mean as its definition says, row by row."""
    inside = table[
        (table["known_at"] > entity.cutoff - days * DAY) & (table["known_at"] <= entity.cutoff) & table["size"].notna()
    ]
    own = group(inside, entity.zone, feature.by)["size"]
    if not feature.shrinkage:
        return float(own.mean())
    return float((own.sum() + feature.shrinkage * inside["size"].mean()) / (len(own) + feature.shrinkage))


@given(seen(), asked(), st.sampled_from([(), ("zone",)]), st.sampled_from([0.0, 2.5]))
def test_a_window_is_what_a_loop_over_all_rows_finds(
    table: pd.DataFrame, entities: pd.DataFrame, by: tuple[str, ...], shrinkage: float
) -> None:
    feature = Window("seen", of="size", how="mean", by=by, days=(1, 3), shrinkage=shrinkage)
    found = features.window(feature, view(table, entities))
    for name, days in zip(feature.outputs, feature.days, strict=True):
        expected = [slow_mean(table, entity, feature, days) for entity in entities.itertuples()]
        np.testing.assert_allclose(found[name], expected, atol=1e-12)


@pytest.mark.parametrize(("how", "expected"), [("sum", 5.0), ("count", 2.0), ("mean", 2.5)])
def test_a_window_counts_and_sums_the_values_that_are_there(how: Any, expected: float) -> None:
    table = pd.DataFrame({"zone": ["a"] * 3, "known_at": START, "size": [2.0, np.nan, 3.0]})
    entities = pd.DataFrame({"zone": ["a"], "cutoff": [START]})
    feature = Window("seen", of="size", how=how, by=("zone",), days=(1,))
    assert features.window(feature, view(table, entities))[feature.outputs[0]][0] == expected


def slow_latest(table: pd.DataFrame, entity: Any) -> tuple[float, object]:
    """Return the looked-up values as their definition says: of the latest event known by the cutoff, if it is fresh."""
    known = group(table, entity.zone, ("zone",))
    known = known[known["known_at"] <= entity.cutoff].sort_values(["happened_at", "known_at"], kind="stable")
    if known.empty or known["happened_at"].iloc[-1] < entity.cutoff - AS_OF.within_hours * HOUR:
        return np.nan, None
    return known["size"].iloc[-1], known["kind"].iloc[-1]


@given(seen(), asked())
def test_a_lookup_is_what_a_loop_over_all_rows_finds(table: pd.DataFrame, entities: pd.DataFrame) -> None:
    found = features.as_of(AS_OF, "happened_at", view(table, entities))
    expected = [slow_latest(table, entity) for entity in entities.itertuples()]
    np.testing.assert_array_equal(found["size"].astype(float), [size for size, _ in expected])
    assert [None if pd.isna(kind) else kind for kind in found["kind"]] == [kind for _, kind in expected]


@given(seen(), asked(), st.randoms(use_true_random=False))
def test_nothing_known_after_the_cutoff_moves_a_feature(
    table: pd.DataFrame, entities: pd.DataFrame, chance: Any
) -> None:
    entities = entities.assign(cutoff=entities["cutoff"].min())
    late = table["known_at"] > entities["cutoff"].iloc[0]
    moved = table.assign(
        size=table["size"].mask(late, chance.uniform(-1e15, 1e15)),
        zone=table["zone"].mask(late, chance.choice(["a", "b", "c"])),
        happened_at=table["happened_at"].mask(late, START + chance.randint(0, 200) * HOUR),
    ).sample(frac=1, random_state=chance.randint(0, 9))
    ties = table.loc[~late].duplicated(["zone", "happened_at", "known_at"]).any()
    window = Window("seen", of="size", how="sum", by=("zone",), days=(1, 4))
    for before, now in [(view(table, entities), view(moved, entities))]:
        pd.testing.assert_frame_equal(*(pd.DataFrame(features.window(window, each)) for each in (before, now)))
        if not ties:
            looked = (pd.DataFrame(features.as_of(AS_OF, "happened_at", each)) for each in (before, now))
            pd.testing.assert_frame_equal(*looked)


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
