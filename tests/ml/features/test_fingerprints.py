from collections.abc import Callable
from dataclasses import replace

import pytest

from ml.errors import FeatureError
from ml.features import fingerprints
from ml.features.fingerprints import FeatureFingerprints
from ml.usecase import AsOf, Column, Function, Live, Night, Ratio, Since, Table, Text, UseCase, Window
from tests.ml.usecase.test_use_case import use_case

LATE, RAINY = "def late(minutes): ...", "def rainy(millimetres, kilometres): ..."
SOURCES = {"late": LATE, "rainy": RAINY}
NEEDS = {"late": ("minutes",), "rainy": ("millimetres", "kilometres")}
VISITS = Table(
    name="visits", schema="Visit", key=("id",), event_time="at", known_at="ended_at", night="day", derived=("late",)
)
RAIN = Table(name="rain", schema="Rain", key=("id",), event_time="at", known_at="measured_at")
WEEK = Window("visits", column="late", how="mean", by=("zone",), days=(7, 28), shrinkage=5)
WEATHER = AsOf("rain", by=("zone",), columns=("millimetres", "wind"), within_hours=6)
FEATURES = (
    Column("kilometres"),
    Text("note"),
    Function("rainy"),
    WEEK,
    WEATHER,
    Since("visits", by=("zone",), within_hours=48),
    Ratio("trend", numerator="late_mean_by_zone_7d", denominator="late_mean_by_zone_28d"),
)
CASE = replace(
    use_case(), tables=(*(each for each in use_case().tables if each.name != "visits"), VISITS, RAIN), features=FEATURES
)


def meanings(case: UseCase = CASE, sources: dict[str, str] = SOURCES, **types: str) -> dict[str, str]:
    reported = dict.fromkeys(case.all_names, "number") | types
    return fingerprints.compute(case, case.horizons[-1], reported, sources, NEEDS)


def changed(other: dict[str, str]) -> set[str]:
    """Return the features that are in both, and mean something else in `other`."""
    return {name for name, digest in meanings().items() if name in other and other[name] != digest}


def with_feature(old: object, new: object) -> UseCase:
    return replace(CASE, features=tuple(new if each is old else each for each in FEATURES))  # type: ignore[misc]


def with_table(old: Table, **other: object) -> UseCase:
    tables = tuple(replace(each, **other) if each is old else each for each in CASE.tables)  # type: ignore[arg-type]
    return replace(CASE, tables=tables)


EVERY = set(CASE.feature_names)
OF_VISITS = {"late_mean_by_zone_7d", "late_mean_by_zone_28d", "hours_since_visits_by_zone", "trend"}
OF_RAIN = {"millimetres", "wind", "rainy"}


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param(
            lambda: meanings(replace(CASE, horizons=(Night(hour=5, timezone="UTC"),))), EVERY, id="another cutoff"
        ),
        pytest.param(lambda: meanings(kilometres="text"), {"kilometres"}, id="another type"),
        pytest.param(lambda: meanings(sources=SOURCES | {"rainy": "..."}), {"rainy"}, id="code of a function"),
        pytest.param(
            lambda: meanings(sources=SOURCES | {"late": "..."}),
            OF_VISITS - {"hours_since_visits_by_zone"},
            id="code below a window",
        ),
        pytest.param(lambda: meanings(with_table(RAIN, known_at="at")), OF_RAIN, id="when rows become known"),
        pytest.param(
            lambda: meanings(with_feature(WEATHER, replace(WEATHER, within_hours=12))),
            OF_RAIN,
            id="an older row is taken",
        ),
        pytest.param(
            lambda: meanings(with_feature(WEEK, replace(WEEK, shrinkage=9))),
            OF_VISITS - {"hours_since_visits_by_zone"},
            id="a window's shrinkage",
        ),
    ],
)
def test_a_change_reaches_every_feature_made_of_it_and_no_other(
    other: Callable[[], dict[str, str]], expected: set[str]
) -> None:
    assert changed(other()) == expected


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda: meanings(replace(CASE, features=(*FEATURES[5::-1], FEATURES[6]))), id="another order"),
        pytest.param(lambda: meanings(replace(CASE, features=(*FEATURES, Column("more")))), id="one more feature"),
        pytest.param(lambda: meanings(replace(CASE, features=FEATURES[1:])), id="one feature less"),
        pytest.param(
            lambda: meanings(with_feature(WEEK, replace(WEEK, days=(7, 28, 90)))), id="a longer window beside"
        ),
        pytest.param(
            lambda: meanings(with_feature(WEATHER, replace(WEATHER, columns=("millimetres", "wind", "gust")))),
            id="a column more of a look-up",
        ),
        pytest.param(lambda: meanings(with_feature(FEATURES[1], Text("note", components=3))), id="what a text becomes"),
        pytest.param(
            lambda: meanings(replace(CASE, question="Is it?", candidates=CASE.candidates[:1])), id="candidates"
        ),
        pytest.param(lambda: meanings(with_table(RAIN, required=False)), id="whether a file must land"),
    ],
)
def test_what_comes_beside_a_feature_changes_none(other: Callable[[], dict[str, str]]) -> None:
    assert changed(other()) == set()


def test_the_live_horizon_means_something_else_by_every_feature() -> None:
    assert changed(meanings(replace(CASE, horizons=(CASE.schedule, Live(before="at", hours=2))))) == EVERY


def test_the_version_is_that_of_the_meanings_in_any_order() -> None:
    result = meanings()
    assert fingerprints.combined_digest(result) == fingerprints.combined_digest(dict(reversed(result.items())))
    assert fingerprints.combined_digest(result) != fingerprints.combined_digest(result | {"kilometres": "0"})


def service(name: str, **digests: str) -> FeatureFingerprints:
    return FeatureFingerprints(service=name, digests=digests)


OLD = service("entities_old", zone="1", late="2")


@pytest.mark.parametrize(
    "result", [OLD, service("entities_new", zone="1", late="2", more="3")], ids=["the same", "a wider one"]
)
def test_features_that_mean_the_same_are_taken_whatever_else_is_there(result: FeatureFingerprints) -> None:
    fingerprints.check_compatible(OLD, result, pinned_by="the model pins", target="the table", remedy="mend it")


@pytest.mark.parametrize(
    ("result", "fault"),
    [
        pytest.param(service("entities_new", zone="1"), "lacks late", id="a feature that went"),
        pytest.param(service("entities_new", zone="1", late="9"), "defines late differently", id="another meaning"),
        pytest.param(service("entities_new", late="9"), "lacks zone and defines late differently", id="both"),
        pytest.param(service("entities_new", x="1"), "lacks zone, late", id="none of them"),
    ],
)
def test_other_features_are_refused_with_both_services_and_the_word_that_mends(
    result: FeatureFingerprints, fault: str
) -> None:
    with pytest.raises(FeatureError) as refused:
        fingerprints.check_compatible(
            OLD, result, pinned_by="package 0123 pins", target="the table", remedy="build it again"
        )
    assert str(refused.value) == (
        "expected the table to have the features of entities_old, which package 0123 pins, but it has those of "
        f"entities_new, which {fault}: build it again"
    )


def test_facts_are_read_as_they_were_written() -> None:
    assert fingerprints.from_facts(OLD.facts, source="the package") == OLD


def test_facts_that_do_not_say_what_their_features_mean_are_refused() -> None:
    with pytest.raises(
        FeatureError, match=r"expected the snapshot to have the fingerprints of its features .* only has \['night'\]"
    ):
        fingerprints.from_facts({"night": "2024-03-17"}, source="the snapshot")
