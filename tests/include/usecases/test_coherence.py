"""A literal that contradicts its schemas or functions, or looks past the cutoff, is refused with the sentence."""

from dataclasses import replace
from typing import Any

import pytest

from include import usecases
from include.usecases import coherence
from ml.errors import DeclarationError
from ml.usecase import (
    AsOf,
    Binary,
    Column,
    Delay,
    Excluded,
    Function,
    Live,
    Personal,
    Since,
    Slice,
    Text,
    UseCase,
    Window,
)


def change(case: UseCase, table: str, **changes: Any) -> dict[str, Any]:
    """Return the field `tables` with one table changed."""
    return {"tables": tuple(replace(each, **changes) if each.name == table else each for each in case.tables)}


@pytest.mark.parametrize("case", usecases.all(), ids=lambda case: case.name)
def test_every_use_case_here_is_coherent(case: UseCase) -> None:
    coherence.check(case)


def test_the_toy_is_coherent(taxi: UseCase) -> None:
    coherence.check(taxi)


@pytest.mark.parametrize(
    ("table", "changes", "reported"),
    [
        ("rides", {"schema": "Rid"}, "table 'rides' names the schema 'Rid', but schema.py has no such pandera model"),
        ("rides", {"schema": "Instant"}, "names the schema 'Instant', but schema.py has no such pandera model"),
        ("rides", {"key": ("ride_date", "taxi")}, "names the column 'taxi', which its schema lacks"),
        ("rides", {"event_time": "begun_at"}, "names the column 'begun_at', which its schema lacks"),
        ("rides", {"known_at": "told_at"}, "names the column 'told_at', which its schema lacks"),
        ("rides", {"known_at": Delay(after="told_at", hours=1)}, "names the column 'told_at', which its schema lacks"),
        ("bookings", {"night": "evening"}, "names the column 'evening', which its schema lacks"),
        ("rides", {"derived": ("is_late", "is_odd")}, "derives 'is_odd', but features.py has no such function"),
        ("traffic", {"derived": ("is_late",)}, r"is_late\(\) needs 'minutes_late', which the table 'traffic' lacks"),
        ("rides", {"known_at": None}, r"the label table 'rides' must say when a row becomes known \(known_at\)"),
        ("bookings", {"night": "pickup_at"}, "night='pickup_at', which is an instant .*: name a column that is a date"),
        (
            "rides",
            {"known_at": "ride_date"},
            "known_at='ride_date', which is a date .*: name a column that is an instant",
        ),
        ("traffic", {"known_at": None}, "could see past the cutoff: the table 'traffic' does not say"),
        ("traffic", {"event_time": None}, "needs the table 'traffic' to name its event_time"),
        ("traffic", {"key": ("zone", "congestion")}, "the key column 'congestion' of 'traffic' has the type float64"),
        ("bookings", {"key": ("ride_date", "ride", "kilometres")}, r"lacks \['kilometres'\] of the entity key"),
    ],
)
def test_a_table_that_contradicts_its_schema_is_refused(
    taxi: UseCase, table: str, changes: dict[str, Any], reported: str
) -> None:
    with pytest.raises(DeclarationError, match=reported):
        coherence.check(replace(taxi, **change(taxi, table, **changes)))


@pytest.mark.parametrize(
    ("feature", "reported"),
    [
        (Column("tip"), "needs 'tip', which is not known of an entity at the cutoff"),
        (Column("minutes_late"), "needs 'minutes_late', which is not known of an entity at the cutoff"),
        (Function("is_round"), r"Function\('is_round'\) is not in features.py"),
        (Function("is_late"), "needs 'minutes_late', which is not known of an entity at the cutoff"),
        (Column("driver"), "uses 'driver', which is excluded"),
        (Window("rides", column="driver", how="count", days=(1,)), "uses 'driver', which is excluded"),
        (Window("rides", column="tip", how="mean", days=(1,)), "names 'tip', which the table 'rides' lacks"),
        (Window("rides", column="is_late", how="mean", by=("driver",), days=(1,)), "uses 'driver', which is excluded"),
        (
            Window("rides", column="is_late", how="sum", by=("street",), days=(1,)),
            "names 'street', which the table 'rides' lacks",
        ),
        (AsOf("traffic", by=("zone",), columns=("fog",)), "names 'fog', which the table 'traffic' lacks"),
        (AsOf("traffic", by=("measured_at",), columns=("congestion",)), "needs 'measured_at', which is not known"),
        (Text("driver"), "uses 'driver', which is excluded"),
        (Text("remark"), "needs 'remark', which is not known of an entity at the cutoff"),
        (Since("rides", by=("street",), within_hours=5), "names 'street', which the table 'rides' lacks"),
        (
            Since("rides", by=("zone",), condition="zone", within_hours=5),
            "a column that is true or false, but 'zone' is a text",
        ),
        (Column("pickup_at"), "'pickup_at' is an instant .*: compute a number in features.py, .* as a Function"),
        (
            Since("rides", by=("zone",), condition="is_odd", within_hours=5),
            "names 'is_odd', which the table 'rides' lacks",
        ),
        (Since("rides", by=("zone",), condition="driver", within_hours=5), "uses 'driver', which is excluded"),
    ],
)
def test_a_feature_that_cannot_be_known_or_made_is_refused(taxi: UseCase, feature: Any, reported: str) -> None:
    with pytest.raises(DeclarationError, match=reported):
        coherence.check(replace(taxi, features=(Column("zone"), feature)))


def test_a_window_over_what_happened_needs_to_know_when(taxi: UseCase) -> None:
    window = Window("rides", column="is_late", how="mean", hours=(3,), on="event_time")
    with pytest.raises(DeclarationError, match="needs the table 'rides' to name its event_time"):
        coherence.check(
            replace(
                taxi,
                features=(Column("zone"), window),
                horizons=(taxi.schedule,),
                **change(taxi, "rides", event_time=None),
            )
        )


def test_the_entities_themselves_can_be_counted_for_their_night_says_when_they_became_known(taxi: UseCase) -> None:
    window = Window("bookings", column="ride", how="count", hours=(3,), on="event_time")
    coherence.check(replace(taxi, features=(*taxi.features, window)))


@pytest.mark.parametrize(
    ("live", "reported"),
    [
        (Live(before="ended_at", hours=2), r"Live\(before='ended_at'\) names no column of the entity table 'bookings'"),
        (Live(before="ride_date", hours=2), "Live.before='ride_date', which is a date"),
        (Live(before="pickup_at", hours=2, features=(Column("tip"),)), "needs 'tip', which is not known of an entity"),
        (Live(before="pickup_at", hours=2, features=(Function("is_round"),)), "is not in features.py"),
    ],
)
def test_a_live_horizon_that_cannot_be_is_refused(taxi: UseCase, live: Live, reported: str) -> None:
    with pytest.raises(DeclarationError, match=reported):
        coherence.check(replace(taxi, horizons=(taxi.schedule, live)))


def test_a_function_may_use_features_before_it_but_not_after(taxi: UseCase) -> None:
    flights = usecases.get("flights")
    severe = next(each for each in flights.features if isinstance(each, Function) and each.name == "is_severe_weather")
    others = tuple(each for each in flights.features if each is not severe)
    with pytest.raises(DeclarationError, match="needs 'visibility_miles', which is not known of an entity"):
        coherence.check(replace(flights, features=(severe, *others)))


def test_a_label_that_nothing_makes_is_refused(taxi: UseCase) -> None:
    with pytest.raises(DeclarationError, match="the label 'is_rainy' is neither a column of 'rides' nor derived there"):
        coherence.check(replace(taxi, task=Binary(label="is_rainy", table="rides")))


def test_a_label_that_is_no_number_is_refused(taxi: UseCase) -> None:
    with pytest.raises(
        DeclarationError,
        match="the label 'driver' is not a number: declare it as bool, or as float with values 0 and 1",
    ):
        coherence.check(replace(taxi, task=Binary(label="driver", table="rides")))


def test_the_label_itself_is_no_feature(taxi: UseCase) -> None:
    with pytest.raises(DeclarationError, match="needs 'is_late', which is not known of an entity at the cutoff"):
        coherence.check(replace(taxi, slices=(), edge_cases=(), fairness=None, features=(Column("is_late"),)))


def test_a_use_case_of_plain_columns_needs_no_functions(gym: UseCase) -> None:
    coherence.check(gym)
    assert coherence.functions(gym) == {}


def test_labels_that_name_no_night_come_after_the_entities_that_do(gym: UseCase) -> None:
    reported = "the label table 'renewals' does not have the 'billed_on' of its entities: declare it after 'members'"
    with pytest.raises(DeclarationError, match=reported):
        coherence.check(replace(gym, tables=gym.tables[::-1]))


def test_every_contradiction_is_told_at_once(taxi: UseCase) -> None:
    with pytest.raises(DeclarationError, match="'tip'.*; .*'fare'"):
        coherence.check(
            replace(taxi, slices=(), edge_cases=(), fairness=None, features=(Column("tip"), Column("fare")))
        )


def test_an_exclusion_is_not_a_contradiction(taxi: UseCase) -> None:
    coherence.check(replace(taxi, excluded=(Excluded(column="nowhere", why="never came"),)))


def personal(case: UseCase, table: str, column: str, *may_reach: Any, **more: Any) -> UseCase:
    """Return the case without exclusions and edge cases, groups not compared, one of its columns declared personal."""
    about = Personal(column=column, may_reach=may_reach, why="a test" if may_reach else "")
    bare = replace(case, excluded=(), edge_cases=(), fairness=None)
    return replace(bare, **change(case, table, personal=(about,)), **more)


ZONE, BY_DRIVER = Column("zone"), Window("rides", column="driver", how="count", days=(1,))


@pytest.mark.parametrize(
    ("table", "column", "feature"),
    [
        ("bookings", "kilometres", Column("kilometres")),
        ("bookings", "pickup_at", Function("pickup_hour")),
        ("bookings", "pickup_hour", Function("pickup_hour")),
        ("rides", "driver", BY_DRIVER),
        ("rides", "minutes_late", Window("rides", column="is_late", how="mean", days=(1,))),
        ("rides", "is_late", Window("rides", column="is_late", how="mean", days=(1,))),
        ("rides", "zone", Window("rides", column="is_late", how="mean", by=("zone",), days=(1,))),
        ("bookings", "zone", Window("rides", column="is_late", how="mean", by=("zone",), days=(1,))),
        ("traffic", "congestion", AsOf("traffic", by=("zone",), columns=("congestion",))),
        ("traffic", "zone", AsOf("traffic", by=("zone",), columns=("congestion",))),
    ],
)
def test_a_personal_column_reaches_features_only_where_declared(
    taxi: UseCase, table: str, column: str, feature: Any
) -> None:
    features = (Column("ride"), feature)
    hidden = personal(taxi, table, column, features=features, slices=())
    with pytest.raises(DeclarationError, match=r"the feature .* uses the personal column .* may not reach features"):
        coherence.check(hidden)
    coherence.check(personal(taxi, table, column, "features", features=features, slices=()))


def test_another_feature_is_free_to_use_what_is_plain(taxi: UseCase) -> None:
    coherence.check(personal(taxi, "rides", "driver"))
    coherence.check(personal(taxi, "bookings", "kilometres", features=(ZONE,)))


def test_a_derived_column_may_be_declared_itself(taxi: UseCase) -> None:
    about = (
        Personal(column="minutes_late"),
        Personal(column="is_late", may_reach=("features", "reports"), why="says nothing of a person"),
    )
    coherence.check(replace(taxi, **change(taxi, "rides", personal=about)))


def test_a_slice_by_a_personal_feature_must_be_declared_for_reports(taxi: UseCase) -> None:
    sliced: dict[str, Any] = {"features": (ZONE,), "slices": (Slice(feature="zone"),)}
    with pytest.raises(DeclarationError, match="the slice by 'zone' reports on a personal column, .* reach reports"):
        coherence.check(personal(taxi, "bookings", "zone", "features", **sliced))
    coherence.check(personal(taxi, "bookings", "zone", "features", "reports", **sliced))


def test_a_label_made_of_a_personal_column_must_be_declared_for_features(taxi: UseCase) -> None:
    with pytest.raises(DeclarationError, match="the label 'is_late' is personal and is learned"):
        coherence.check(personal(taxi, "rides", "minutes_late", features=(ZONE,)))


def test_a_personal_column_in_the_key_must_be_declared_for_everything(taxi: UseCase) -> None:
    with pytest.raises(DeclarationError, match="the key of 'bookings' has the personal column 'ride'"):
        coherence.check(personal(taxi, "bookings", "ride", "features", "logs", features=(ZONE,)))
    coherence.check(personal(taxi, "bookings", "ride", "features", "logs", "reports", features=(ZONE,)))


def test_a_personal_column_that_is_not_there_is_refused(taxi: UseCase) -> None:
    with pytest.raises(DeclarationError, match="table 'rides' declares 'name' personal, which neither its schema"):
        coherence.check(personal(taxi, "rides", "name"))
