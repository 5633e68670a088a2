"""A feature pays when later nights lose by its values being dealt anew, and only then."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.evaluation import permutation_importance
from ml.evaluation.permutation_importance import FeatureImportance
from ml.training import fitting
from ml.training.fitting import FittedCandidate
from ml.usecase import AsOf, Column, Feature, Function, GradientBoosting, Logistic, Text, Window
from ml.usecase.features import outputs, title
from tests.ml.answers import YES_OR_NO

CHANCE = np.random.default_rng(5)
NIGHTS = np.repeat([f"2013-01-{day:02d}" for day in range(1, 25)], 60).astype(object)
COUNT, NIGHT = len(NIGHTS), np.repeat(np.arange(24), 60)
FRAME = pd.DataFrame(
    {
        "zone": CHANCE.choice(["east", "west"], COUNT),
        "risk": CHANCE.normal(0, 1, COUNT),
        "storm": CHANCE.permutation(np.repeat([0.0, 1.0], 12))[NIGHT],
        "noise": CHANCE.normal(0, 1, COUNT),
        "one": np.ones(COUNT),
        "note": CHANCE.choice(["late again", "as ever", "all well"], COUNT),
    }
)
ODDS = 2 * FRAME["risk"].to_numpy() + 3 * FRAME["storm"].to_numpy() - 1.5
LABELS = (CHANCE.random(COUNT) < 1 / (1 + np.exp(-ODDS))).astype(np.float64)
FEATURES = (*map(Column, ("zone", "risk", "storm", "noise", "one")), Text("note", components=2, buckets=64))
CANDIDATES = {"logistic": Logistic(strength=1.0), "trees": GradientBoosting(trees=20, leaves=6, rows_per_leaf=20)}
FITTED = {
    name: fitting.fit(
        each,
        fitting.prepare(
            FRAME,
            LABELS,
            NIGHTS,
            outputs(FEATURES),
            target=YES_OR_NO,
            seed=1,
            threads=1,
            texts=tuple(FEATURES[5:]),  # type: ignore[arg-type]
        ),
    )
    for name, each in CANDIDATES.items()
}
BOTH = pytest.mark.parametrize("fitted", FITTED.values(), ids=FITTED)


def measure(
    fitted: FittedCandidate, features: tuple[Feature, ...] = FEATURES, seed: int = 3
) -> dict[str, FeatureImportance]:
    result = permutation_importance.measure(
        fitted, FRAME, LABELS, NIGHTS, features, target=YES_OR_NO, confidence=0.95, seed=seed
    )
    return {each.feature: each for each in result}


@BOTH
def test_what_bears_the_label_pays_and_noise_is_not_shown_to(fitted: FittedCandidate) -> None:
    result = measure(fitted)
    assert {name for name, each in result.items() if each.is_useful} == {"risk", "storm"}


@BOTH
def test_what_a_whole_night_shares_pays_across_nights_and_cannot_within_them(fitted: FittedCandidate) -> None:
    storm = measure(fitted)["storm"]
    assert (storm.within_nights.value, storm.within_nights.low, storm.within_nights.high) == (0.0, 0.0, 0.0)
    assert storm.across_nights.low > 0.05


@BOTH
def test_a_constant_dealt_anew_changes_nothing(fitted: FittedCandidate) -> None:
    one = measure(fitted)["one"]
    assert {one.within_nights.value, one.within_nights.high, one.across_nights.value, one.across_nights.high} == {0.0}


@BOTH
def test_the_same_seed_gives_the_same_worths(fitted: FittedCandidate) -> None:
    assert measure(fitted) == measure(fitted) != measure(fitted, seed=4)


@BOTH
def test_columns_of_one_declaration_are_dealt_together(fitted: FittedCandidate) -> None:
    together = AsOf("weather", by=(), columns=("risk", "storm"))
    (result,) = measure(fitted, (together,)).values()
    alone = measure(fitted)
    assert result.columns == ("risk", "storm")
    assert result.across_nights.value > max(alone["risk"].across_nights.value, alone["storm"].across_nights.value)


def test_worths_are_in_the_order_of_what_is_lost() -> None:
    values = [max(each.within_nights.value, each.across_nights.value) for each in measure(FITTED["trees"]).values()]
    assert values == sorted(values, reverse=True)


def test_rows_that_a_learner_was_fitted_on_say_nothing() -> None:
    fitted = FITTED["trees"]
    learned = ~fitted.out_of_fold
    labels = np.where(learned, 1 - LABELS, LABELS)
    result = permutation_importance.measure(
        fitted, FRAME, labels, NIGHTS, FEATURES, target=YES_OR_NO, confidence=0.95, seed=3
    )
    assert {each.feature: each for each in result} == measure(fitted)


def test_of_many_rows_a_sample_says_nearly_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = measure(FITTED["trees"])
    monkeypatch.setattr(permutation_importance, "_MAX_ROWS", 600)
    sampled = measure(FITTED["trees"])
    assert sampled["risk"].within_nights.value == pytest.approx(everything["risk"].within_nights.value, rel=0.4)
    assert sampled["risk"] != everything["risk"]


def test_with_one_night_ahead_nothing_is_shown() -> None:
    fitted = FITTED["trees"]
    last = NIGHTS[-1] == NIGHTS
    result = permutation_importance.measure(
        replace(fitted, folds=(replace(fitted.folds[-1], validation=last),)),
        FRAME,
        LABELS,
        NIGHTS,
        FEATURES,
        target=YES_OR_NO,
        confidence=0.95,
        seed=3,
    )
    assert not any(each.is_useful for each in result)


@given(groups=st.lists(st.integers(0, 4), min_size=1, max_size=60), seed=st.integers(0, 99))
def test_a_deal_keeps_every_group_and_takes_every_row_once(groups: list[int], seed: int) -> None:
    of = np.array(groups, np.int64)
    deal = permutation_importance._permute(of, np.random.default_rng(seed))
    assert sorted(deal) == list(range(len(of)))
    assert (of[deal] == of).all()


DECLARED = st.lists(
    st.one_of(
        st.sampled_from("abcdef").map(Column),
        st.sampled_from("ghi").map(Function),
        st.builds(
            lambda of, days: Window("t", column=of, how="mean", by=("z",), days=tuple(days)),
            st.sampled_from("xy"),
            st.sets(st.integers(1, 9), min_size=1),
        ),
        st.sets(st.sampled_from("pqrs"), min_size=1).map(
            lambda names: AsOf("t", by=("z",), columns=tuple(sorted(names)))
        ),
    ),
    min_size=1,
).filter(lambda features: len(set(outputs(features))) == len(outputs(features)))


@given(DECLARED)
def test_declarations_have_a_name_each_and_cover_every_column_once(features: list[Feature]) -> None:
    titles = {title(each): each.outputs for each in features}
    assert len(titles) == len(features)
    assert sorted(name for names in titles.values() for name in names) == sorted(outputs(features))
