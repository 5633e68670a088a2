"""The verdict: worse, go on or enough; faults are found, equals are not rolled back, and nothing missing is a pass."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given as law
from hypothesis import settings
from hypothesis import strategies as st

from ml.errors import RequestError
from ml.promotion.gate import CheckStatus
from ml.rollout import canary
from ml.rollout.canary import CanaryObservations, CanaryOutcome, CanaryVerdict, PairedScores, Responses
from ml.usecase import Canary, Experiment
from tests.ml.rollout.canary.asked import RULE, TARGET, Faults, judge, seen, until

LAW = settings(max_examples=20, deadline=None)
NOBODY = Responses(timestamps=np.empty(0), latency_ms=np.empty(0), is_fault=np.empty(0, bool))


def unlabelled(given: CanaryObservations) -> CanaryObservations:
    return replace(given, rows=replace(given.rows, labels=np.full(len(given.rows.labels), np.nan)))


def failed(verdict: CanaryVerdict) -> set[str]:
    """Return the first word of each check that failed."""
    return {check.name.split()[0] for check in verdict.checks if check.status is CheckStatus.FAIL}


@pytest.mark.parametrize(
    ("faults", "check"),
    [
        pytest.param(Faults(erring=0.05), "faults", id="erring"),
        pytest.param(Faults(erring=1.0), "faults", id="always erring"),
        pytest.param(Faults(slow=0.05), "answers", id="slow"),
        pytest.param(Faults(constant=True), "rows", id="constant"),
        pytest.param(Faults(scrambled=True), "rows", id="scrambled"),
        pytest.param(Faults(shift=1.2), "log-odds", id="another level"),
        pytest.param(Faults(shift=0.6), "calibration", id="expects too much"),
        pytest.param(Faults(shift=-1.0), "calibration", id="expects too little"),
        pytest.param(Faults(noise=1.5), "cost", id="dearer"),
    ],
)
def test_a_canary_with_a_fault_is_rolled_back_by_the_check_that_is_for_it(faults: Faults, check: str) -> None:
    verdict = judge(seen(faults))
    assert verdict.outcome is CanaryOutcome.ROLL_BACK
    assert check in failed(verdict)
    assert "shown after" in verdict.reason


@pytest.mark.parametrize("seed", range(20))
def test_an_equal_canary_goes_on_to_the_next_share(seed: int) -> None:
    verdict = judge(seen(seed=seed))
    assert verdict.outcome is CanaryOutcome.ADVANCE
    assert {check.status for check in verdict.checks} == {CheckStatus.PASS}


@pytest.mark.parametrize("share", [0.05, 0.25])
def test_a_canary_is_excused_where_the_champion_is_as_slow_in_the_same_time(share: float) -> None:
    assert judge(seen(Faults(all_slow=0.2), share=share, rows=20_000)).outcome is CanaryOutcome.ADVANCE


def test_without_a_latency_budget_slowness_decides_nothing_and_the_verdict_says_so() -> None:
    given = seen(Faults(slow=1.0), rows=20_000)
    verdict = canary.judge(given, RULE, target=TARGET, budget=None, matured_share=0.95)
    assert verdict.outcome is CanaryOutcome.ADVANCE
    (slow,) = [each for each in verdict.checks if each.name == "slow answers"]
    assert slow.bar == "not measured: the use case declares no serving (latency_budget)"


def test_a_slow_champion_does_not_excuse_another_time() -> None:
    given = seen(Faults(slow=0.1))
    early = given.champion.timestamps < 500
    slow = np.where(early, 40.0, 2.0)
    assert "answers" in failed(judge(replace(given, champion=replace(given.champion, latency_ms=slow))))


def test_where_the_champion_answers_nothing_nothing_excuses_the_canary() -> None:
    assert judge(replace(seen(), champion=NOBODY)).outcome is CanaryOutcome.ADVANCE
    assert "faults" in failed(judge(replace(seen(Faults(erring=0.3)), champion=NOBODY)))


@pytest.mark.parametrize(
    ("given", "waits_for"),
    [
        pytest.param(replace(seen(), canary=NOBODY), "0 of 500 answers", id="no answer"),
        pytest.param(seen(rows=400), r"of 500 answers at this share", id="too few answers"),
        pytest.param(
            replace(seen(), share_started_at=7900.0), r"of 500 answers at this share", id="too few at this share"
        ),
        pytest.param(
            unlabelled(seen()), "calibration .* 0 of 3 nights with their labels, without a number", id="no labels"
        ),
        pytest.param(
            replace(seen(), shadow=PairedScores(champion=np.full(499, 0.2), canary=np.full(499, 0.2))),
            "499 of 500 rows as a shadow",
            id="too little as a shadow",
        ),
    ],
)
def test_what_is_missing_holds_a_share_up_and_is_told(given: CanaryObservations, waits_for: str) -> None:
    verdict = judge(given)
    assert verdict.outcome is CanaryOutcome.CONTINUE
    assert re.search(waits_for, verdict.reason)


def test_nothing_seen_is_no_verdict() -> None:
    given = seen(rows=0, canary=NOBODY, champion=NOBODY)
    for rule in (RULE, Canary(min_nights=0), Experiment()):
        assert judge(given, rule).outcome is CanaryOutcome.CONTINUE
        assert judge(given, rule).responses == 0


def test_labels_hold_nothing_up_where_the_rule_needs_none() -> None:
    rule = Canary(min_nights=0)
    assert judge(unlabelled(seen()), rule).outcome is CanaryOutcome.ADVANCE
    assert "cost" in failed(judge(seen(Faults(noise=1.5)), rule))


def test_an_answer_whose_time_is_missing_is_a_slow_one() -> None:
    given = seen()
    untimed = replace(given.canary, latency_ms=np.full(len(given.canary), np.nan))
    assert "answers" in failed(judge(replace(given, canary=untimed)))


@pytest.mark.parametrize("missing", [np.nan, np.inf])
def test_a_canary_without_any_score_is_never_enough(missing: float) -> None:
    given = seen()
    scores = replace(given.rows.scores, canary=np.full(len(given.rows.labels), missing))
    assert judge(replace(given, rows=replace(given.rows, scores=scores))).outcome is CanaryOutcome.CONTINUE


@LAW
@law(
    st.sampled_from([Faults(), Faults(erring=0.05), Faults(shift=0.6), Faults(slow=0.03), Faults(constant=True)]),
    st.integers(0, 2000),
    st.integers(0, 5),
)
def test_what_was_shown_once_stays_shown_and_was_shown_when_it_is_told(faults: Faults, first: int, seed: int) -> None:
    whole = seen(faults, seed=seed, rows=2000)
    for early, late in zip(judge(until(whole, first)).checks, judge(whole).checks, strict=True):
        if early.status is CheckStatus.FAIL:
            assert (late.status, late.failed_after) == (CheckStatus.FAIL, early.failed_after)


@LAW
@law(st.integers(0, 5), st.permutations(range(4)))
def test_answers_may_be_told_in_any_order(seed: int, blocks: list[int]) -> None:
    given = seen(Faults(erring=0.03), seed=seed, rows=2000)
    parts = np.array_split(np.arange(len(given.canary)), 4)
    order = np.concatenate([parts[block] for block in blocks])
    answers = given.canary
    shuffled = Responses(
        timestamps=answers.timestamps[order], latency_ms=answers.latency_ms[order], is_fault=answers.is_fault[order]
    )
    assert judge(replace(given, canary=shuffled)).checks[0] == judge(given).checks[0]


def test_equal_canaries_are_rarely_rolled_back_at_any_look() -> None:
    verdicts = [judge(seen(Faults(slow=0.009, erring=0.009), seed=seed)) for seed in range(60)]
    assert sum(verdict.outcome is CanaryOutcome.ROLL_BACK for verdict in verdicts) <= 3


def test_a_share_that_the_canary_never_has_is_refused() -> None:
    with pytest.raises(RequestError, match=r"expected one of the shares of the canary, \(0.05, 0.25, 1.0\), got 0.3"):
        judge(seen(share=0.3))
