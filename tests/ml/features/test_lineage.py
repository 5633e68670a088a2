from dataclasses import replace

import pytest

from ml.features import lineage
from ml.usecase import AsOf, Column, Feature, Function, Ratio, Since, Text, Window
from tests.ml.usecase.test_use_case import use_case

NEEDS = {"speed": ("miles", "weekday"), "weekday": ("ride_date",)}
MEAN = Window("rides", column="is_late", how="mean", by=("zone",), days=(1, 7))
CASES: list[tuple[Feature, str]] = [
    (Column("miles"), "{entities} (miles)"),
    (Text("note"), "{entities} (note)"),
    (Function("weekday"), "{entities} (ride_date)"),
    (Function("speed"), "{entities} (miles); the feature weekday"),
    (MEAN, "{entities} (zone); rides (is_late, zone)"),
    (replace(MEAN, by=()), "rides (is_late)"),
    (AsOf("traffic", by=("zone",), columns=("jam", "rain")), "{entities} (zone); traffic (jam, rain, zone)"),
    (Since("rides", by=("zone",), condition="is_late", within_hours=9), "{entities} (zone); rides (is_late, zone)"),
    (Ratio("share", numerator="a", denominator="b"), "the feature a; the feature b"),
]


@pytest.mark.parametrize(("feature", "reported"), CASES, ids=lambda each: type(each).__name__)
def test_a_feature_names_the_columns_and_features_that_it_is_made_of(feature: Feature, reported: str) -> None:
    case = use_case(features=(Column("miles"), Function("weekday")), slices=(), deterministic_levels=())
    assert str(lineage.trace(feature, case, NEEDS)) == reported.format(entities=case.entities)


def test_a_window_over_the_entities_themselves_names_each_column_once() -> None:
    case = use_case(features=(Column("miles"),), slices=(), deterministic_levels=())
    own = replace(MEAN, table=case.entities)
    assert lineage.trace(own, case, NEEDS).columns == {case.entities: ("zone", "is_late")}
