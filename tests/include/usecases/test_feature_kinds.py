"""A column that cannot be what is asked of it is named, with what it is and what to do."""

import re
from typing import Any

import pytest

from include.usecases import feature_kinds
from include.usecases.feature_kinds import ColumnKind
from ml.usecase import AsOf, Column, Delay, Live, Since, Table, Window

KINDS: dict[str, ColumnKind] = {"zone": "text", "pickup_at": "instant", "ride_date": "date", "is_late": "number"}


def table(**said: Any) -> Table:
    return Table(name="rides", schema="Ride", key=("ride_date", "ride"), **said)


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        ("datetime64[ns]", "date"),
        ("datetime64[ns, UTC]", "instant"),
        ("float64", "number"),
        ("Int64", "number"),
        ("UInt8", "number"),
        ("boolean", "number"),
        ("str", "text"),
        ("object", "text"),
        ("category", "text"),
    ],
)
def test_a_type_says_what_a_column_holds(dtype: str, kind: ColumnKind) -> None:
    assert feature_kinds.from_dtype(dtype) == kind


@pytest.mark.parametrize(
    ("said", "live", "reported"),
    [
        ({"night": "pickup_at"}, None, "night='pickup_at', which is an instant .*: name a column that is a date"),
        ({"night": "zone"}, None, "night='zone', which is a text: name a column that is a date"),
        ({"known_at": "ride_date"}, None, "known_at='ride_date', which is a date .*: name a column that is an instant"),
        ({"known_at": Delay(after="is_late", hours=1)}, None, "known_at='is_late', which is a number"),
        ({"event_time": "ride_date"}, None, "event_time='ride_date', which is a date"),
        ({}, Live(before="ride_date", hours=2), "Live.before='ride_date', which is a date"),
    ],
)
def test_a_clock_that_is_none_is_named(said: dict[str, Any], live: Live | None, reported: str) -> None:
    (fault,) = feature_kinds.time_faults(table(**said), KINDS, (live,) if live else ())
    assert re.search(reported, fault), fault


def test_clocks_of_the_right_type_and_columns_that_are_not_there_are_no_fault_of_a_type() -> None:
    good = table(night="ride_date", known_at="pickup_at", event_time="told_at")
    assert feature_kinds.time_faults(good, KINDS, (Live(before="pickup_at", hours=1),)) == []


@pytest.mark.parametrize(
    ("feature", "reported"),
    [
        (
            Since("rides", by=(), condition="zone", within_hours=3),
            "needs a column that is true or false, but 'zone' is a text",
        ),
        (Window("rides", column="zone", how="mean", days=(1,)), "needs numbers, but 'zone' is a text"),
        (Window("rides", column="pickup_at", how="sum", days=(1,)), "needs numbers, but 'pickup_at' is an instant"),
        (Column("pickup_at"), "needs a number or a category, but 'pickup_at' is an instant"),
        (
            AsOf("rides", by=(), columns=("is_late", "ride_date")),
            "needs numbers or categories, but 'ride_date' is a date",
        ),
    ],
)
def test_a_feature_of_the_wrong_type_is_named(feature: Any, reported: str) -> None:
    (fault,) = feature_kinds.feature_faults(feature, KINDS)
    assert reported in fault


@pytest.mark.parametrize(
    "feature",
    [
        Since("rides", by=(), condition="is_late", within_hours=3),
        Since("rides", by=(), within_hours=3),
        Window("rides", column="zone", how="count", days=(1,)),
        Window("rides", column="is_late", how="mean", days=(1,)),
        Column("zone"),
        Column("fare"),
    ],
)
def test_a_feature_of_the_right_type_is_no_fault(feature: Any) -> None:
    assert feature_kinds.feature_faults(feature, KINDS) == []
