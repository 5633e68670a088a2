from collections.abc import Callable

import pytest

from include.settings import Settings
from include.steps import features, train, training_set
from include.stores import lake, ledger, packages, snapshot, warehouse
from ml import nights, packaging
from ml.arrival import KNOWN_AT
from ml.errors import LeakError, RequestError
from ml.usecase import UseCase
from tests.include.steps.conftest import HISTORY, LAST, contents

Arrive = Callable[[str], Settings]


def test_a_leak_stops_training_names_the_feature_and_leaves_nothing(arrive: Arrive, taxi: UseCase) -> None:
    where = arrive("train")
    rides = lake.read(features.valid(where.lake, taxi, "rides")).set_index("entity")["is_late"]
    rows = lake.read(features.address(where.lake, taxi))
    leaking = rows.assign(kilometres=rows["entity"].map(rides))
    lake.replace(features.address(where.lake, taxi), nights.parse(HISTORY), leaking)
    before = contents(where)
    with pytest.raises(LeakError, match="the feature 'kilometres' gives the label away"):
        train.train("taxi", LAST, train.BOOTSTRAP)
    assert contents(where) == before


def test_the_traffic_of_the_hour_of_the_ride_stops_training(arrive: Arrive, taxi: UseCase) -> None:
    where = arrive("train")
    when, tables = nights.parse(LAST).last, snapshot.take(taxi, where)
    rows = training_set.read(taxi, when, tables, where)
    later = training_set.at_event(taxi, rows, when, tables)
    told = rows.frame.set_index("entity").assign(kilometres=later["congestion"].to_numpy())["kilometres"]
    stored = lake.read(features.address(where.lake, taxi))
    leaking = stored.assign(kilometres=stored["entity"].map(told).fillna(0.5))
    lake.replace(features.address(where.lake, taxi), nights.parse(HISTORY), leaking)
    with pytest.raises(LeakError, match="the feature 'kilometres' follows 'congestion' as it was at the time"):
        train.train("taxi", LAST, train.BOOTSTRAP)


def test_the_training_set_holds_matured_nights_and_labels_known_by_the_cutoff(arrive: Arrive, taxi: UseCase) -> None:
    where = arrive("train")
    when = nights.parse("2024-03-10").last
    rows = training_set.read(taxi, when, snapshot.take(taxi, where), where)
    rides = lake.read(features.valid(where.lake, taxi, "rides")).set_index("entity")
    assert rides.loc[rows.frame["entity"], KNOWN_AT].max() <= taxi.horizon.cutoff(when)
    assert rows.nights.max() == "2024-03-09"
    assert list(rows.frame["night"]) == sorted(rows.frame["night"])


def test_too_few_nights_are_an_outcome_and_not_a_failure(arrive: Arrive) -> None:
    where = arrive("train")
    assert not train.train("taxi", "2024-03-03", train.BOOTSTRAP)
    (told,) = ledger.entries(warehouse.engine(where.warehouse_url), "taxi", "judged")
    assert told.payload["outcome"] == "inconclusive"
    assert "to judge on" in str(told.payload["reason"])


def test_the_package_tells_where_the_model_comes_from(arrive: Arrive) -> None:
    where = arrive("battery")
    (told,) = ledger.entries(warehouse.engine(where.warehouse_url), "taxi", "judged")
    facts = packaging.facts(packages.get(where.packages, told.subject))
    assert (facts["use_case"], facts["night"], facts["used_until"]) == ("taxi", LAST, "2024-03-15")
    assert facts["fitted"] == ["2024-03-01", "2024-03-11"]


@pytest.mark.parametrize(
    ("step", "night", "reason", "told"),
    [
        ("train", LAST, "monitoring", "taxi has no champion yet: train the first one with the reason 'bootstrap'"),
        ("score", "2024-03-17", "bootstrap", "taxi has the champion .*: 'bootstrap' is for the first one only"),
    ],
)
def test_a_reason_that_does_not_fit_what_is_there_is_refused(
    arrive: Arrive, step: str, night: str, reason: str, told: str
) -> None:
    arrive(step)
    with pytest.raises(RequestError, match=told):
        train.train("taxi", night, reason)
