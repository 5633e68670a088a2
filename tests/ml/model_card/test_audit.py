"""A card's line is the recorded one, or the fault names what it says instead."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime

import numpy as np
import pytest

from ml.errors import LedgerError
from ml.governance import ledger_entries
from ml.governance.checks import Check, CheckStatus
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import (
    CandidateRecord,
    ComparisonRecord,
    EntryKind,
    EvaluationRows,
    RefitRecord,
    StoredInterval,
    Verdict,
)
from ml.model_card import audit, candidate_section, card
from ml.promotion.gate import GateRule, Outcome, PromotionVerdict
from ml.statistics.intervals import Interval
from ml.training.candidate_comparison import Comparison
from ml.training.selection import CandidateResult, Choice
from tests.ml.answers import YES_OR_NO
from tests.ml.model_card.test_card import QUALITY
from tests.ml.usecase.test_use_case import use_case

CHECK = Check(name="log loss", value=0.51, bar="at most 0.69", status=CheckStatus.PASS)
VERDICT = PromotionVerdict(
    outcome=Outcome.PROMOTE,
    rule=GateRule.CHANGE,
    gain=Interval(value=0.02, low=0.01, high=0.03),
    cost_gain=Interval(value=120.0, low=-30.0, high=270.0),
    rows=900,
    nights=7,
    checks=(CHECK,),
    display_names=YES_OR_NO.display_names,
)
CONTENDERS = [
    CandidateResult(name=name, quality=QUALITY, p99_latency_ms=0.5, package_mb=0.25, memory_mb=180.0)
    for name in ("logistic", "trees")
]
COMPARISON = Comparison(
    candidate="logistic",
    other="trees",
    cost=Interval(value=40.0, low=10.0, high=70.0),
    loss=Interval(value=0.01, low=-np.inf, high=np.inf),
)
RECORDED = Verdict(
    outcome="promote",
    reason="it is better",
    rule="change",
    gain=StoredInterval(**asdict(VERDICT.gain)),
    cost_gain=StoredInterval(**asdict(VERDICT.cost_gain)),
    evaluation=EvaluationRows(nights=("2013-02-01", "2013-02-07"), rows=900, night_count=7, digest="d" * 64),
    checks=(CHECK,),
    candidates=tuple(CandidateRecord(**asdict(each)) for each in CONTENDERS),
    comparisons=(
        ComparisonRecord(
            candidate="logistic",
            other="trees",
            cost=StoredInterval(value=40.0, low=10.0, high=70.0),
            loss=StoredInterval(value=0.01, low=None, high=None),  # as of a single night
        ),
    ),
    choice="trees save more",
    table_versions={"valid/visits": 7},
    environment_changes=("lightgbm was 4.6, is 4.7",),
)
EXPECTED = audit.expected_lines(RECORDED, use_case())
TEXT = "\n\n".join(["# a card", *EXPECTED, "and more"])


def test_what_the_ledger_has_reads_as_the_card_wrote_it() -> None:
    choice = Choice(name="trees", reason="trees save more", comparisons=(COMPARISON,))
    written = [*candidate_section.candidate_lines(CONTENDERS, choice, "log loss"), *card.verdict_lines(VERDICT)]
    assert [
        "* `valid/visits` at version 7",
        "* Unlike its champion: lightgbm was 4.6, is 4.7",
        *(line for line in written if line),
    ] == EXPECTED


def test_a_card_that_has_every_line_has_no_fault() -> None:
    assert audit.mismatches(TEXT, EXPECTED) == ()


@pytest.mark.parametrize(
    ("was", "now", "reported"),
    [
        pytest.param("| trees | 0.5100 |", "| trees | 0.4100 |", "'0.4100' where '0.5100' was recorded, in: | trees |", id="a candidate"),
        pytest.param("+40 [+10,", "+40 [-10,", "'[-10,' where '[+10,' was recorded, in: | logistic | trees |", id="a difference between candidates"),
        pytest.param("[+0.0100,", "[+0.0010,", "'[+0.0010,' where '[+0.0100,' was recorded, in: **promote**", id="an interval"),
        pytest.param("version 7", "version 8", "'8' where '7' was recorded, in: * `valid/visits` at version 8", id="a version"),
        pytest.param("is 4.7", "is 4.6", "'4.6' where '4.7' was recorded, in: * Unlike its champion", id="a dependency"),
        pytest.param("**promote**", "**keep**", "'**keep**,' where '**promote**,' was recorded", id="the outcome"),
        pytest.param("| logistic | 0.5100 | none ", "| logistic | 0.5100 |  none ", "other spaces than recorded", id="a space"),
    ],
)  # fmt: skip
def test_a_stale_number_is_named_with_what_was_recorded(was: str, now: str, reported: str) -> None:
    assert was in TEXT
    (fault,) = audit.mismatches(TEXT.replace(was, now, 1), EXPECTED)
    assert reported in fault


@pytest.mark.parametrize("text", ["", "§"])
def test_a_card_without_a_line_like_it_is_told_which(text: str) -> None:
    assert audit.mismatches(text, ["* `valid/visits` at version 7"]) == ("nothing says: * `valid/visits` at version 7",)


def test_a_stale_number_of_a_refit_is_a_fault_and_a_verdict_without_one_asks_for_none() -> None:
    check = Check(name="mean distance of scores", value=0.0123, bar="at most 0.03", status=CheckStatus.PASS)
    refit = RefitRecord(judged="a" * 64, refit="b" * 64, checks=(check,))
    expected = audit.expected_lines(replace(RECORDED, refit=refit), use_case())
    text = "\n".join(expected)
    assert audit.mismatches(text, expected) == ()
    assert audit.refit_lines(None) == []
    assert audit.expected_lines(replace(RECORDED, refit=None), use_case()) == EXPECTED
    (fault,) = audit.mismatches(text.replace("0.0123", "0.0023"), expected)
    assert "'0.0023' where '0.0123' was recorded" in fault


def test_a_bound_that_the_ledger_has_no_number_for_is_the_infinity_that_the_card_tells() -> None:
    gain = StoredInterval(value=0.02, low=None, high=None)
    assert any(
        "+0.0200 [-inf, +inf]" in line for line in audit.expected_lines(replace(RECORDED, gain=gain), use_case())
    )


def test_a_verdict_read_back_from_the_ledger_asks_for_the_same_lines() -> None:
    stored = json.loads(json.dumps(ledger_entries.encode(EntryKind.JUDGED, RECORDED)))
    entry = Entry(
        kind=EntryKind.JUDGED,
        use_case="shop",
        night=None,
        subject="",
        payload=stored,
        recorded_at=datetime(2024, 3, 1, tzinfo=UTC),
        key="",
    )
    assert audit.expected_lines(ledger_entries.read(entry, Verdict), use_case()) == EXPECTED


def test_a_verdict_without_evidence_has_no_card() -> None:
    with pytest.raises(LedgerError, match="expected a verdict on a package, got one without evidence: no labels"):
        audit.expected_lines(Verdict(outcome="keep", reason="no labels"), use_case())
