"""The card tells what a model is for and made of, and names in words what costs and does not pay."""

import csv
from typing import Any

import pytest

from ml.evaluation.permutation_importance import FeatureImportance
from ml.features.lineage import FeatureLineage
from ml.model_card import card
from ml.model_card.card import FeatureReport, ModelCard
from ml.promotion.gate import GateRule, Outcome, PromotionVerdict
from ml.statistics.intervals import Interval
from ml.targets.binary import Quality
from ml.training.selection import CandidateResult, Choice
from ml.usecase import Column, DeterministicLevels, Excluded, Function
from tests.ml.answers import YES_OR_NO
from tests.ml.usecase.test_use_case import use_case

QUALITY = Quality(
    rows=900,
    nights=9,
    base_rate=0.2,
    auc=None,
    average_precision=0.4,
    log_loss=0.51,
    brier=0.1,
    calibration_error=0.01,
    calibration_gap=0.0,
    saved_per_1000=1234.5,
)


def line(name: str, low: float, **changes: Any) -> FeatureReport:
    benefit = Interval(value=low + 0.01, low=low, high=low + 0.02)
    costs: dict[str, Any] = {"build_ms": 12.34, "rows_built": 900, "null_share": 0.125}
    return FeatureReport(
        importance=FeatureImportance(feature=name, columns=(name,), within_nights=benefit, across_nights=benefit),
        lineage=FeatureLineage(columns={"plans": (name,)}),
        **(costs | changes),
    )


def reported(*lines: FeatureReport, timed: bool = True, **changes: Any) -> str:
    case = use_case(
        features=(Column("zone"), Function("odd")),
        excluded=(Excluded(column="driver", why="missing when nobody came"),),
        deterministic_levels=(DeterministicLevels(feature="zone", levels=("closed",), why="nobody drives there"),),
    )
    facts: dict[str, Any] = {
        "use_case": case,
        "night": "2013-02-08",
        "package": "a" * 64,
        "training_span": ("2013-01-01", "2013-01-31"),
        "judged_span": ("2013-02-01", "2013-02-07"),
        "table_versions": {"valid/visits": 7},
        "contenders": [
            CandidateResult(name="logistic", quality=QUALITY, p99_latency_ms=0.5, package_mb=0.25, memory_mb=180.0)
        ],
        "choice": Choice(name="logistic", reason="logistic saves 1,235"),
        "verdict": PromotionVerdict(
            outcome=Outcome.PROMOTE,
            rule=GateRule.CHANGE,
            gain=Interval(value=0.02, low=0.01, high=0.03),
            cost_gain=Interval(value=120.0, low=-30.0, high=270.0),
            rows=900,
            nights=7,
            checks=(),
            display_names=YES_OR_NO.display_names,
        ),
        "personal_columns": {"visits.sex": frozenset({"features", "reports"}), "visits.name": frozenset()},
        "features": lines,
        "dependency_changes": ("lightgbm was 4.6, is 4.7",),
    }
    return card.render(ModelCard(**(facts | changes)), with_timings=timed)


@pytest.mark.parametrize(
    "sentence",
    [
        pytest.param("## Purpose\n\nWill they come?\n", id="question"),
        pytest.param(f"* Package `{'a' * 64}`", id="package"),
        pytest.param("* Trained on the nights 2013-01-01 to 2013-01-31, judged on 2013-02-01 to", id="nights"),
        pytest.param("* `valid/visits` at version 7", id="versions"),
        pytest.param("* Unlike its champion: lightgbm was 4.6, is 4.7", id="dependencies"),
        pytest.param("| logistic | 0.5100 | none | 1,234 | 0.25 | 0.50 | 180 |", id="candidates"),
        pytest.param("Chosen: logistic saves 1,235.", id="choice"),
        pytest.param("**promote**, by the change bar, on 900 rows of 7 nights", id="verdict"),
        pytest.param("log loss gain +0.0200 [+0.0100, +0.0300]. All 0 checks", id="interval"),
        pytest.param("* `driver`: missing when nobody came", id="excluded"),
        pytest.param("`zone` at `closed`: nobody drives there", id="settled"),
        pytest.param("* `visits.sex` may reach features and reports", id="personal"),
        pytest.param("* `visits.name` may reach no destination", id="personal nowhere"),
        pytest.param("| yes | 12.3 | 12.5% | plans (zone) |", id="a feature"),
    ],
)
def test_the_card_tells(sentence: str) -> None:
    assert sentence in reported(line("zone", 0.01))


def test_the_card_in_a_package_says_nothing_of_clocks_or_of_another_package() -> None:
    text = reported(line("zone", 0.01), timed=False)
    assert "unmeasured" in text
    assert all(word not in text for word in ("0.50", "a" * 64, "Unlike"))


def unpaid(text: str) -> str:
    return text.partition("## Features without a shown benefit")[2]


def test_what_costs_and_is_not_shown_to_pay_is_named_dearest_first() -> None:
    cheap, dear = line("odd", -0.01, build_ms=1.0), line("even", -0.005, build_ms=50.0)
    named = unpaid(reported(line("zone", 0.01), cheap, dear))
    assert "2 of 3 features have no shown benefit" in named
    assert "`zone`" not in named
    assert named.index("* `even` takes 50.0 ms to build for 900 rows and needs plans (even)") < named.index("* `odd`")


def test_where_all_pay_the_card_says_that_there_are_none() -> None:
    assert unpaid(reported(line("zone", 0.01))).strip() == "None: every feature has a shown benefit."


def test_what_was_not_measured_or_may_not_be_told_is_said_to_be_so() -> None:
    text = reported(line("zone", 0.01, build_ms=None, rows_built=None, null_share=None))
    assert "| yes | unmeasured | *** | plans (zone) |" in text


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    assert "| a\\|b | 0.5100" in reported(
        contenders=[CandidateResult(name="a|b", quality=QUALITY, p99_latency_ms=0.5, package_mb=0.25, memory_mb=180.0)]
    )


def test_machines_read_the_same_numbers() -> None:
    lines = [line("zone", 0.01), line("odd", -0.01, build_ms=None, null_share=None)]
    zone, odd = csv.DictReader(card.features_csv(lines).splitlines())
    assert (zone["within_low"], zone["pays"], zone["milliseconds"], zone["needs"]) == (
        "0.01",
        "true",
        "12.34",
        "plans (zone)",
    )
    assert (odd["pays"], odd["milliseconds"], odd["null_share"]) == ("false", "", "")
