"""Constants that mend: where answers are right none is needed, and what was added is found and taken back."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ml.targets.offsets import LogOddsOffset, Offset, UnitOffset
from tests.ml.answers import answered, waited

CASES = {
    "yes or no": (LogOddsOffset(), answered(nights=20)),
    "a number": (UnitOffset(quantile=0.75), waited(nights=20)),
}
EACH = pytest.mark.parametrize("name", CASES)


def case(name: str) -> tuple[Offset, np.ndarray, np.ndarray]:
    shifts, rows = CASES[name]
    return shifts, shifts.to_raw(rows.scores), rows.labels


@EACH
def test_what_was_taken_for_moving_reads_back(name: str) -> None:
    shifts, raw, _ = case(name)
    np.testing.assert_allclose(shifts.to_scores(raw), CASES[name][1].scores, atol=1e-8)


@EACH
def test_right_answers_are_off_by_no_more_than_chance(name: str) -> None:
    shifts, raw, labels = case(name)
    residuals, variances = shifts.residuals(raw, labels)
    assert abs(residuals.sum()) < 3 * np.sqrt(variances.sum())


@EACH
@pytest.mark.parametrize("added", [-1.0, 1.0])
def test_the_constant_that_rows_need_is_the_one_that_they_lack(name: str, added: float) -> None:
    shifts, raw, labels = case(name)
    some = np.arange(len(raw)) % 2 == 0
    needed, scores = shifts.fit_offsets(np.array([some, ~some], np.float32), raw - added * some, labels)
    assert needed[0] == pytest.approx(added, abs=0.35)
    assert needed[1] == pytest.approx(0, abs=0.25)
    assert scores[0] > 10 > scores[1]


@EACH
def test_what_came_in_each_place_is_met_after_centring(name: str) -> None:
    shifts, raw, labels = case(name)
    place = (np.arange(len(raw)) % 5).astype(np.int64)
    centred = shifts.center_groups(raw + place / 2, labels, place)
    residuals, _ = shifts.residuals(centred, labels)
    assert np.abs(np.bincount(place, residuals)).max() <= 1.5


def test_a_line_without_a_prior_is_that_of_a_weighted_logistic_regression() -> None:
    _, raw, labels = case("yes or no")
    weights = np.random.default_rng(5).uniform(0.2, 3, len(raw))
    reference = LogisticRegression(C=1e9, tol=1e-8).fit(raw[:, None] / 2 + 1, labels, weights)
    slope, offset = LogOddsOffset().fit_line(raw / 2 + 1, labels, weights=weights, prior_share=0)
    assert slope == pytest.approx(reference.coef_[0, 0], abs=1e-3)
    assert offset == pytest.approx(reference.intercept_[0], abs=1e-3)


@EACH
@pytest.mark.parametrize("share", [0.25, 0.75, 1.0])
def test_a_prior_keeps_a_line_between_the_identity_and_what_labels_ask_for(name: str, share: float) -> None:
    shifts, raw, labels = case(name)
    weights = np.ones(len(raw))
    free, shrunk = (
        np.array(shifts.fit_line(raw + 1, labels, weights=weights, prior_share=each)) - [1, 0] for each in (0, share)
    )
    assert free[1] < -0.5
    assert shrunk[1] == pytest.approx((1 - share) * free[1], abs=0.15)
