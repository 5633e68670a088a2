"""The alarm: what cannot be known is named, and what can be is left in peace."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml import targets
from ml.errors import LeakError
from ml.training import leakage
from ml.usecase import DeterministicLevels, Gates, PinballCost
from tests.january import january
from tests.ml.answers import YES_OR_NO, waiting
from tests.ml.training.test_selection import QUALITY

Planted = Callable[[pd.DataFrame, np.ndarray], pd.Series]
CHANCE = np.random.default_rng(0)


def check(name: str = "planted", plant: Planted | None = None) -> None:
    """Sound the alarm on January's flights: on their features, or on a few of them and one that is planted."""
    month = january()
    frame, labels, nights, later = month.labelled()
    if plant is not None:
        frame = frame[list(month.case.feature_names[:4])].assign(**{name: plant(later, labels).to_numpy()})
        if frame[name].dtype == object:
            frame = frame.astype({name: "category"})
    leakage.check_features(frame, labels, nights, later, month.case.gates, target=YES_OR_NO)


def tails(later: pd.DataFrame, labels: np.ndarray) -> pd.Series:
    """Return the tail numbers of the labelled flights, from their outcomes."""
    known = january().tables["outcomes"].set_index("entity")["tail_number"]
    entities = january().features["entity"]
    return entities[entities.isin(known.index)].map(known)


def test_honest_features_of_a_month_do_not_alarm() -> None:
    check()


@pytest.mark.parametrize(
    ("name", "plant"),
    [
        ("tail_is_missing", lambda later, labels: tails(later, labels).isna().astype(float)),
        ("tail_number", tails),
        ("outcome", lambda later, labels: pd.Series(labels)),
        ("status", lambda later, labels: pd.Series(np.where(labels == 1, "late", "fine"))),
    ],
    ids=["missing exactly when cancelled", "its missing values", "the label", "the label in words"],
)
def test_a_value_that_settles_the_label_is_named(name: str, plant: Planted) -> None:
    with pytest.raises(LeakError, match=f"the feature '{name}' gives the label away: where it is .* so exclude it"):
        check(name, plant)


def test_a_level_that_settles_the_label_by_definition_may_be_declared() -> None:
    nights = np.repeat([f"2024-01-{day:02}" for day in range(1, 11)], 30).astype(object)
    frame = pd.DataFrame({"plan": np.tile(["trial", "full", "full"], 100)})
    labels = ((frame["plan"] == "full") & (np.arange(300) % 4 > 0)).to_numpy(np.float64)
    asked = (frame, labels, nights, pd.DataFrame(index=frame.index), Gates())
    leakage.check_features(
        *asked,
        target=YES_OR_NO,
        deterministic_levels=(DeterministicLevels(feature="plan", levels=("trial",), why="cannot be renewed"),),
    )
    other = (DeterministicLevels(feature="plan", levels=("full",), why="another level"),)
    with pytest.raises(
        LeakError, match=r"where it is trial, 0.0% .* by definition, declare it \(DeterministicLevels\)"
    ):
        leakage.check_features(*asked, target=YES_OR_NO, deterministic_levels=other)


@pytest.mark.parametrize(("hidden", "reported"), [((), "where it is single, "), (("status",), r"where it is \*\*\*, ")])
def test_a_level_of_a_hidden_column_is_not_told(hidden: tuple[str, ...], reported: str) -> None:
    labels = np.tile([1.0, 0.0], 100)
    frame = pd.DataFrame({"status": pd.Categorical(np.where(labels == 1, "single", "wed"))})
    nights = np.repeat([f"2013-01-{day:02d}" for day in range(1, 11)], 20).astype(object)
    with pytest.raises(LeakError, match=reported) as alarm:
        leakage.check_features(frame, labels, nights, pd.DataFrame(), Gates(), target=YES_OR_NO, hidden=hidden)
    assert ("single" in str(alarm.value)) is not bool(hidden)


@pytest.mark.parametrize(
    "plant",
    [
        lambda later, labels: pd.Series(np.where(CHANCE.random(len(labels)) < 0.2, 1 - labels, labels)),
        lambda later, labels: pd.Series(-labels + CHANCE.normal(0, 0.9, len(labels))),
        lambda later, labels: (
            pd.Series(labels.astype(int).astype(str)) + pd.Series(np.arange(len(labels)) % 40).astype(str)
        ),
    ],
    ids=["every fifth wrong", "noisy and upside down", "hidden in many levels"],
)
def test_a_feature_that_ranks_better_than_a_whole_model_is_named(plant: Planted) -> None:
    with pytest.raises(LeakError, match=r"the feature 'planted' alone ranks the label with a ROC AUC of \d\.\d{4}"):
        check(plant=plant)


WEATHER = ("visibility_miles", "precipitation_inches", "wind_speed_mph", "temperature_f", "pressure_millibars")


@pytest.mark.parametrize("source", WEATHER)
def test_the_weather_of_the_hour_of_departure_is_named(source: str) -> None:
    with pytest.raises(LeakError, match=rf"'planted' follows '{source}' as it was at the time of the event \(100%"):
        check(plant=lambda later, labels: later[source])


@pytest.mark.parametrize("source", WEATHER)
def test_a_noisy_copy_of_the_later_weather_is_named(source: str) -> None:
    def noisy(later: pd.DataFrame, labels: np.ndarray) -> pd.Series:
        return later[source] + CHANCE.normal(0, 0.1 * float(later[source].std()), len(later))

    with pytest.raises(LeakError, match=f"'planted' follows '{source}'"):
        check(plant=noisy)


@pytest.mark.parametrize(
    "plant",
    [
        lambda later, labels: (later["visibility_miles"] < 2).astype(float),
        lambda later, labels: (later["precipitation_inches"] > 0).astype(float),
        lambda later, labels: ((later["visibility_miles"] < 2) | (later["wind_gust_mph"] > 35)).astype(float),
        lambda later, labels: (later["wind_direction_degrees"] // 90).astype(str),
    ],
    ids=["visibility below 2", "rain", "of two columns", "quarter of the wind, in words"],
)
def test_a_function_of_the_later_weather_is_named(plant: Planted) -> None:
    with pytest.raises(LeakError, match=r"'planted' follows .* look it up as of the cutoff instead"):
        check(plant=plant)


def test_what_varies_on_one_night_only_is_no_proof() -> None:
    month = january()
    frame, labels, nights, later = month.labelled()
    once = later["visibility_miles"].where(nights == "2013-01-15", 10.0)
    leakage.check_features(frame.assign(planted=once), labels, nights, later, month.case.gates, target=YES_OR_NO)


def test_without_lookups_or_rows_to_compare_nothing_is_said() -> None:
    frame = pd.DataFrame({"x": CHANCE.normal(size=50)})
    nights = np.array(["2013-01-01"] * 50, dtype=object)
    leakage.check_features(
        frame,
        (CHANCE.random(50) < 0.5).astype(float),
        nights,
        pd.DataFrame(index=frame.index),
        Gates(),
        target=YES_OR_NO,
    )


@pytest.mark.parametrize(
    ("auc", "nights", "alarms"),
    [(0.96, 28, True), (0.96, 27, False), (0.94, 28, False), (None, 28, False)],
    ids=["too good", "over too few nights", "good", "not measured"],
)
def test_a_model_above_the_ceiling_over_nights_enough_is_no_skill(auc: float | None, nights: int, alarms: bool) -> None:
    quality = replace(QUALITY, auc=auc, nights=nights)
    if not alarms:
        leakage.check_quality(quality, Gates())
        return
    with pytest.raises(LeakError, match=r"expected a ROC AUC of at most 0.95 .* got 0.9600 over 28 nights"):
        leakage.check_quality(quality, Gates())


def minutes(plant: pd.Series | None = None) -> None:
    """Sound the alarm on January's flights, asked how many minutes late they will be."""
    month = january()
    frame, _, nights, later = month.labelled()
    reported = month.tables["outcomes"].set_index("entity")["delay_minutes_capped"]
    entities = month.features["entity"]
    labels = reported.loc[entities[entities.isin(reported.index)]].to_numpy(np.float64)
    target = targets.from_labels(waiting(cost=PinballCost(under=1, over=1)), labels)
    frame = frame if plant is None else frame.assign(planted=plant.to_numpy())
    leakage.check_features(frame, labels, nights, later, Gates(), target=target)


def test_honest_features_of_a_month_do_not_alarm_where_minutes_are_asked_for() -> None:
    minutes()


def test_tail_numbers_that_are_missing_when_a_flight_is_cancelled_give_its_minutes_away() -> None:
    missing = tails(pd.DataFrame(), np.zeros(0)).isna().astype(float)
    with pytest.raises(
        LeakError, match=r"where it is 1, 100.0% of \d+ rows have the label 180, elsewhere \d\.\d%; it is"
    ):
        minutes(missing)


def test_half_the_delay_at_arrival_tells_it_alone() -> None:
    month = january()
    arrived = month.tables["outcomes"].set_index("entity")["arrival_delay_minutes"]
    entities = month.features["entity"]
    known = entities[entities.isin(arrived.index)].map(arrived)
    with pytest.raises(
        LeakError, match=r"'planted' alone predicts the label with a skill of 0\.9\d+, more than the 0\.8"
    ):
        minutes(known.fillna(400) // 2)
