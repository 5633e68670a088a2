import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from ml.arrays import Booleans, Floats, Strings
from ml.scoring.calibration import Calibration
from ml.targets import calibration
from tests.ml.answers import YES_OR_NO

LAW = settings(max_examples=50, deadline=None)
NIGHTS = np.repeat([f"2013-01-{day:02d}" for day in range(1, 21)], 100).astype(object)
LATEST = NIGHTS > "2013-01-13"
UNCORRECTED = Calibration()
Case = tuple[Floats, Floats, Strings, Booleans]


def drawn(seed: int, slope: float = 1.0, offset: float = 0.0) -> Case:
    """Log-odds whose true log-odds are slope x log-odds + offset."""
    chance = np.random.default_rng(seed)
    log_odds = chance.normal(-1, 1.5, len(NIGHTS))
    labels = chance.random(len(NIGHTS)) < 1 / (1 + np.exp(-(slope * log_odds + offset)))
    return log_odds, labels.astype(np.float64), NIGHTS, LATEST


def test_a_correction_of_noise_is_rarely_adopted() -> None:
    adopted = sum(YES_OR_NO.fit_calibration(*drawn(seed)) != UNCORRECTED for seed in range(60))
    assert adopted <= 3


@pytest.mark.parametrize(
    ("slope", "offset"),
    [
        pytest.param(0.5, 0.0, id="too sure"),
        pytest.param(2.0, 0.0, id="too timid"),
        pytest.param(1.0, 1.0, id="expects too little"),
        pytest.param(1.0, -1.0, id="expects too much"),
    ],
)
def test_a_clear_distortion_is_undone(slope: float, offset: float) -> None:
    chosen = YES_OR_NO.fit_calibration(*drawn(1, slope, offset))
    assert chosen.slope == pytest.approx(slope, abs=0.2)
    assert chosen.offset == pytest.approx(offset, abs=0.2)


def test_a_correction_that_only_the_earlier_nights_ask_for_is_not_adopted() -> None:
    log_odds, labels, nights, latest = drawn(1)
    distorted = np.where(latest, log_odds, log_odds + 1)
    assert YES_OR_NO.fit_calibration(distorted, labels, nights, latest) == UNCORRECTED


def test_one_latest_night_is_too_little_to_adopt_a_correction_on() -> None:
    log_odds, labels, nights, _ = drawn(1, slope=0.5)
    assert YES_OR_NO.fit_calibration(log_odds, labels, nights, nights == "2013-01-20") == UNCORRECTED


@pytest.mark.parametrize("label", [0.0, 1.0], ids=["none", "all"])
def test_rows_of_one_label_still_give_a_finite_correction(label: float) -> None:
    log_odds, labels, _, _ = drawn(1)
    fitted = calibration.fit(log_odds, np.full_like(labels, label))
    assert np.isfinite([fitted.slope, fitted.offset]).all()


def test_rows_that_log_odds_part_cleanly_still_give_a_finite_correction() -> None:
    fitted = calibration.fit(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0, 1.0]))
    assert 0 < fitted.slope < 1


def test_the_correction_of_many_rows_is_that_of_a_logistic_regression() -> None:
    log_odds, labels, _, _ = drawn(3, slope=0.6, offset=0.4)
    reference = LogisticRegression(C=1e9, tol=1e-8).fit(log_odds[:, None], labels)
    fitted = calibration.fit(log_odds, labels)
    assert fitted.slope == pytest.approx(reference.coef_[0, 0], abs=0.01)
    assert fitted.offset == pytest.approx(reference.intercept_[0], abs=0.01)


@LAW
@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0.1, 10), st.floats(-10, 10))
def test_probabilities_lie_inside_0_and_1_and_keep_the_order(
    log_odds: list[float], slope: float, offset: float
) -> None:
    applied = Calibration(slope=slope, offset=offset).apply(np.sort(log_odds))
    assert ((applied > 0) & (applied < 1)).all()
    assert (np.diff(applied) >= 0).all()


def test_no_correction_is_the_logistic_function() -> None:
    np.testing.assert_allclose(UNCORRECTED.apply(np.array([0.0, np.log(3)])), [0.5, 0.75])
