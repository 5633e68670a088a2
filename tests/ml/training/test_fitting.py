import numpy as np
import pandas as pd
import pytest

from ml.arrays import Floats
from ml.errors import RefusalError
from ml.training import fitting
from ml.training.fitting import FittedCandidate
from ml.usecase import Candidate, GradientBoosting, Logistic, NeuralNet
from tests.ml.answers import YES_OR_NO

NAMES = ("zone", "miles")
CHANCE = np.random.default_rng(11)
COUNT = 480
NIGHTS = np.repeat([f"2013-01-{day:02d}" for day in range(1, 13)], COUNT // 12).astype(object)
FRAME = pd.DataFrame({"zone": CHANCE.choice(["east", "west"], COUNT), "miles": CHANCE.normal(5, 2, COUNT)})
RISK = 1 / (1 + np.exp(-(FRAME["miles"].to_numpy() - 5) - (FRAME["zone"] == "west")))
LABELS = (CHANCE.random(COUNT) < RISK).astype(np.float64)
FRAME.loc[::9, "miles"] = np.nan
TREES = GradientBoosting(trees=10, leaves=4, rows_per_leaf=10)
NET = NeuralNet(layers=(8,), epochs=20, batch=32)
EACH = pytest.mark.parametrize("candidate", [Logistic(strength=1.0), TREES, NET], ids=lambda each: each.name)


def fit(candidate: Candidate, labels: Floats = LABELS) -> FittedCandidate:
    return fitting.fit(candidate, fitting.prepare(FRAME, labels, NIGHTS, NAMES, target=YES_OR_NO, seed=1, threads=1))


def uncalibrated(fitted: FittedCandidate) -> Floats:
    """Return the log-odds of the learner, before its scores were calibrated."""
    correction = fitted.model.calibration
    return (np.log(fitted.scores / (1 - fitted.scores)) - correction.offset) / correction.slope


@EACH
def test_a_row_scores_the_same_in_a_frame_and_alone(candidate: Candidate) -> None:
    model = fit(candidate).model
    alone = [model.predict_row(row) for row in FRAME.to_dict("records")]
    np.testing.assert_allclose(model.predict(FRAME), alone, rtol=0, atol=1e-12)


@EACH
@pytest.mark.parametrize(
    "row",
    [
        pytest.param({"zone": "north", "miles": 5.0}, id="a level not seen"),
        pytest.param({"zone": "west", "miles": None}, id="a number missing"),
        pytest.param({"zone": None, "miles": float("nan")}, id="all missing"),
        pytest.param({"zone": "west", "miles": 1e9}, id="a number never so large"),
    ],
)
def test_what_was_not_seen_in_training_has_a_probability(candidate: Candidate, row: dict[str, object]) -> None:
    model = fit(candidate).model
    assert 0 < model.predict_row(row) < 1
    assert model.predict(pd.DataFrame([row]))[0] == pytest.approx(model.predict_row(row), abs=1e-12)


@EACH
def test_scores_that_walk_ahead_cover_all_but_the_first_nights(candidate: Candidate) -> None:
    fitted = fit(candidate)
    assert (fitted.out_of_fold == (NIGHTS > "2013-01-03")).all()
    assert fitted.scores.shape == (fitted.out_of_fold.sum(),)


@EACH
def test_scores_that_walk_ahead_know_nothing_of_their_own_nights_and_later_ones(candidate: Candidate) -> None:
    later = NIGHTS >= "2013-01-10"
    flipped = fit(candidate, np.where(later, 1 - LABELS, LABELS))
    np.testing.assert_allclose(uncalibrated(flipped), uncalibrated(fit(candidate)), rtol=0, atol=1e-9)


@EACH
def test_the_model_has_learned_from_the_latest_nights_too(candidate: Candidate) -> None:
    later = NIGHTS >= "2013-01-10"
    flipped = fit(candidate, np.where(later, 1 - LABELS, LABELS)).model
    assert not np.allclose(flipped.predict(FRAME), fit(candidate).model.predict(FRAME))


@EACH
def test_a_model_that_learned_tells_likely_from_unlikely(candidate: Candidate) -> None:
    scores = fit(candidate).model.predict(FRAME)
    assert scores[RISK > 0.8].mean() > scores[RISK < 0.2].mean() + 0.2


@EACH
def test_first_nights_of_one_label_are_refused(candidate: Candidate) -> None:
    with pytest.raises(
        RefusalError, match=r"labels of both classes in 2013-01-01\.\.2013-01-03 to learn from, got only 0"
    ):
        fit(candidate, np.where(NIGHTS < "2013-01-04", 0.0, LABELS))


@EACH
def test_training_leaves_the_frame_as_it_was(candidate: Candidate) -> None:
    before = FRAME.copy(deep=True)
    fit(candidate)
    pd.testing.assert_frame_equal(FRAME, before)


def test_whoever_listens_hears_of_each_fold_once_it_is_done() -> None:
    heard: list[int] = []
    fitting.fit(TREES, fitting.prepare(FRAME, LABELS, NIGHTS, NAMES, target=YES_OR_NO, seed=1, threads=1), heard.append)
    assert heard == [1, 2, 3]


def test_as_many_threads_as_there_are_grow_the_same_trees() -> None:
    grown = [
        fitting.fit(
            TREES, fitting.prepare(FRAME, LABELS, NIGHTS, NAMES, target=YES_OR_NO, seed=1, threads=threads)
        ).model.learner.dump()
        for threads in (1, 2)
    ]
    assert grown[0] == grown[1]


@EACH
def test_a_refit_is_learned_from_all_rows_with_the_calibration_that_was_judged(candidate: Candidate) -> None:
    early = NIGHTS < "2013-01-09"
    fitted = fitting.fit(
        candidate,
        fitting.prepare(FRAME[early], LABELS[early], NIGHTS[early], NAMES, target=YES_OR_NO, seed=1, threads=1),
    )
    everything = fitting.prepare(FRAME, LABELS, NIGHTS, NAMES, target=YES_OR_NO, seed=1, threads=1)
    refit = fitting.refit(fitted, everything)
    assert refit.calibration == fitted.model.calibration
    learned = everything.fit_learner(candidate, np.full(COUNT, True))
    assert refit.learner.dump() == learned.dump() != fitted.model.learner.dump()
