"""The card's section on the candidates shows every compared pair, and which criterion shows a difference."""

import numpy as np

from ml.model_card import candidate_section
from ml.statistics.intervals import Interval
from ml.training.candidate_comparison import Comparison
from ml.training.selection import CandidateResult, Choice
from tests.ml.training.test_selection import QUALITY

UNCLEAR, UNBOUNDED = Interval(value=5.0, low=-1.0, high=11.0), Interval(value=0.01, low=-np.inf, high=np.inf)
LESS = Interval(value=-0.02, low=-0.03, high=-0.01)
COMPARISONS = (
    Comparison(candidate="a", other="b", cost=UNCLEAR, loss=LESS),
    Comparison(candidate="a", other="c", cost=UNCLEAR, loss=UNBOUNDED),
)
CONTENDERS = [
    CandidateResult(name=name, quality=QUALITY, p99_latency_ms=0.5, package_mb=0.25, memory_mb=180.0) for name in "abc"
]
CHOICE = Choice(name="a", reason="a is chosen as the simplest", comparisons=COMPARISONS)


def test_every_pair_is_shown_with_its_intervals_and_what_they_show() -> None:
    lines = candidate_section.candidate_lines(CONTENDERS, CHOICE, "log loss")
    assert "| a | b | +5 [-1, +11] | -0.0200 [-0.0300, -0.0100] | log loss |" in lines
    assert "| a | c | +5 [-1, +11] | +0.0100 [-inf, +inf] | nothing |" in lines
    assert "Chosen: a is chosen as the simplest." in lines


def test_the_card_in_a_package_has_no_comparison_because_measured_times_decide_which_are_compared() -> None:
    text = "\n".join(candidate_section.candidate_lines(CONTENDERS, CHOICE, "log loss", with_timings=False))
    assert "compared with" not in text
    assert "Chosen: a. The verdict in the ledger has the reason" in text


def test_without_comparisons_there_is_no_table() -> None:
    assert candidate_section.comparison_lines((), "log loss") == []
