"""Laws of a layer: it learns only what labels show, never more than its prior allows, and never changes the order."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.arrays import Floats, Strings
from ml.errors import DeclarationError
from ml.statistics.intervals import ScoredRows
from ml.targets import Target, recalibration
from ml.targets.recalibration import FittedLayer, Layer, Recalibration
from tests.ml.answers import MINUTES, YES_OR_NO, answered, waited

LAW = settings(max_examples=40, deadline=None)
DECLARED = Recalibration(prior_nights=14)
UNGATED = replace(DECLARED, gated=False)
CASES: dict[str, tuple[Target, ScoredRows]] = {
    "binary": (YES_OR_NO, answered(nights=28, a_night=200)),
    "regression": (MINUTES, waited(nights=28)),
}
EACH = pytest.mark.parametrize("name", CASES)


def shifted(name: str, by: float) -> Floats:
    """Return scores that are too high by `by`, in log-odds or in units."""
    target, rows = CASES[name]
    scores: Floats = target.offsets.to_scores(target.offsets.to_raw(rows.scores) + by)
    return scores


def fit(name: str, scores: Floats, declared: Recalibration = DECLARED) -> FittedLayer:
    target, rows = CASES[name]
    return recalibration.fit(rows.labels, scores, rows.nights, target, declared)


def loss(name: str, scores: Floats) -> float:
    target, rows = CASES[name]
    return float(target.row_loss(rows.labels, scores).mean())


@EACH
@pytest.mark.parametrize("by", [-1.0, 1.0])
def test_scores_that_are_too_high_or_too_low_are_moved_back_in_part(name: str, by: float) -> None:
    target, _ = CASES[name]
    scores = shifted(name, by)
    fitted = fit(name, scores)
    assert fitted.nights == 28
    assert fitted.gain is not None
    assert fitted.gain > 0
    assert loss(name, CASES[name][1].scores) < loss(name, fitted.layer.apply(scores, target)) < loss(name, scores)


@EACH
def test_calibrated_scores_are_hardly_changed(name: str) -> None:
    target, rows = CASES[name]
    fitted = fit(name, rows.scores, UNGATED)
    assert fitted.layer.slope == pytest.approx(1, abs=0.08)
    moved = fitted.layer.apply(rows.scores, target) - rows.scores
    assert np.abs(moved).mean() < 0.03 * rows.labels.std()


def test_without_a_signal_the_gate_refuses_about_half_of_the_layers() -> None:
    refused = 0
    for seed in range(40):
        rows = answered(nights=14, a_night=100, seed=seed)
        fitted = recalibration.fit(rows.labels, rows.scores, rows.nights, YES_OR_NO, DECLARED)
        refused += fitted.layer.is_identity
    assert 10 <= refused <= 35


def test_a_level_that_only_the_earlier_nights_had_is_refused() -> None:
    target, rows = CASES["binary"]
    scores = np.where(rows.nights.astype(str) < "2013-02-15", shifted("binary", 1.0), rows.scores)
    fitted = recalibration.fit(rows.labels, scores, rows.nights, target, DECLARED)
    assert fitted.layer == Layer()
    assert fitted.gain is not None
    assert fitted.gain < 0
    assert "did not lower the loss" in fitted.reason
    assert not fit("binary", scores, UNGATED).layer.is_identity


def few(rows: ScoredRows, nights: int) -> tuple[Floats, Floats, Strings]:
    some = np.isin(rows.nights, np.unique(rows.nights.astype(str))[:nights])
    return rows.labels[some], rows.scores[some], rows.nights[some]


@EACH
@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("no rows", "0 matured nights, fewer than 4"),
        ("three nights", "3 matured nights, fewer than 4"),
        ("few rows", "labelled rows, fewer than"),
        ("one label", "all labels are 1"),
        ("no labels", "0 matured nights"),
        ("no scores", "0 matured nights"),
    ],
)
def test_with_nothing_to_learn_from_the_layer_is_the_identity(name: str, case: str, reason: str) -> None:
    target, rows = CASES[name]
    labels, scores, nights = rows.labels, shifted(name, 1.0), rows.nights
    declared = DECLARED
    match case:
        case "no rows":
            labels, scores, nights = few(rows, 0)
        case "three nights":
            labels, scores, nights = few(rows, 3)
        case "few rows":
            declared = replace(declared, min_rows=len(labels) + 1)
        case "one label":
            labels = np.ones_like(labels)
        case "no labels":
            labels = np.full_like(labels, np.nan)
        case "no scores":
            scores = np.full_like(labels, np.nan)
    fitted = recalibration.fit(labels, scores, nights, target, declared)
    assert fitted.layer.is_identity
    assert reason in fitted.reason
    assert fitted.layer.apply(scores, target) is scores


@EACH
def test_rows_without_a_label_or_a_score_change_nothing(name: str) -> None:
    target, rows = CASES[name]
    scores = shifted(name, 1.0)
    more = (
        np.append(rows.labels, [np.nan, 1.0]),
        np.append(scores, [scores[0], np.nan]),
        np.append(rows.nights, [rows.nights[-1]] * 2),
    )
    assert recalibration.fit(*more, target, DECLARED) == fit(name, scores)


@EACH
def test_nights_before_the_window_change_nothing(name: str) -> None:
    target, rows = CASES[name]
    declared, scores = replace(DECLARED, window_nights=14), shifted(name, 1.0)
    recent = np.isin(rows.nights, np.unique(rows.nights.astype(str))[-14:])
    assert fit(name, scores, declared) == recalibration.fit(
        rows.labels[recent], scores[recent], rows.nights[recent], target, declared
    )


def test_every_night_has_the_same_weight() -> None:
    """A night of ten times as many rows of the same labels and scores counts once."""
    target, rows = CASES["binary"]
    nights = rows.nights.astype(str)
    large = np.where(nights == nights[0], 10, 1)
    scores = shifted("binary", 1.0)
    labels, more_scores, more_nights = (np.repeat(each, large) for each in (rows.labels, scores, rows.nights))
    repeated = recalibration.fit(labels, more_scores, more_nights, target, UNGATED)
    once = fit("binary", scores, UNGATED)
    assert (repeated.layer.slope, repeated.layer.offset) == pytest.approx((once.layer.slope, once.layer.offset))


@LAW
@given(by=st.floats(-3, 3), stretched=st.floats(0.2, 3), prior=st.floats(1, 200))
def test_the_mean_score_moves_by_the_share_of_the_evidence(by: float, stretched: float, prior: float) -> None:
    """The bound of shrinkage: k nights against a prior worth m move the mean k / (k + m) of the way to the labels."""
    target, rows = CASES["binary"]
    offsets = target.offsets
    scores = offsets.to_scores(stretched * offsets.to_raw(rows.scores) + by)
    fitted = fit("binary", scores, replace(UNGATED, prior_nights=prior))
    moved = fitted.layer.apply(scores, target).mean() - scores.mean()
    if fitted.layer.slope > recalibration.MIN_SLOPE + 1e-9:
        share = 28 / (28 + prior)
        assert moved == pytest.approx(share * (rows.labels.mean() - scores.mean()), abs=1e-6)


@EACH
def test_a_stronger_prior_moves_less(name: str) -> None:
    target, _ = CASES[name]
    scores = shifted(name, 1.0)
    moves = [
        np.abs(fit(name, scores, replace(UNGATED, prior_nights=prior)).layer.apply(scores, target) - scores).mean()
        for prior in (1, 14, 56, 1e6)
    ]
    assert moves == sorted(moves, reverse=True)
    assert moves[-1] < 1e-3 * moves[0]


@EACH
@LAW
@given(seed=st.integers(0, 10_000), slope=st.floats(-5, 5), by=st.floats(-3, 3))
def test_the_order_of_scores_never_changes(name: str, seed: int, slope: float, by: float) -> None:
    """Also where labels contradict the scores: a line that would reverse them is moved towards the identity."""
    target, rows = CASES[name]
    rng = np.random.default_rng(seed)
    raw = slope * target.offsets.to_raw(rows.scores) + by + rng.normal(0, 0.5, len(rows.labels))
    scores = target.offsets.to_scores(raw)
    fitted = fit(name, scores, replace(UNGATED, prior_nights=1))
    assert fitted.layer.slope >= recalibration.MIN_SLOPE - 1e-9
    assert (np.diff(fitted.layer.apply(np.sort(scores), target)) >= 0).all()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"every_nights": 0}, "every_nights=0"),
        ({"window_nights": 3}, "window_nights=3"),
        ({"prior_nights": 0}, "more than 0 nights"),
        ({"min_rows": 0}, "min_rows=0"),
    ],
)
def test_what_cannot_be_declared(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        replace(DECLARED, **changes)
