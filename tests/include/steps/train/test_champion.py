from collections.abc import Callable
from typing import Literal

import pytest

from include import usecases
from include.settings import Settings
from include.steps.context import StepContext
from include.steps.features import build
from include.steps.train import champion
from include.steps.train.champion import Champion
from include.stores import ledger, warehouse
from ml.promotion.gate import GateRule
from ml.usecase import Night, periods
from tests import recorded
from tests.include.steps.conftest import LAST, LATER

Arrive = Callable[[str], Settings]


def test_a_champion_that_cannot_be_evaluated_is_a_verdict_of_its_own(damaged: Settings) -> None:
    (reported,) = recorded.verdicts(damaged, night=periods.parse(LATER).last)
    assert (reported.outcome, reported.rule) == ("unevaluable", GateRule.CHAMPION_UNAVAILABLE)
    assert "SHA-256" in reported.reason
    assert "`ratchet override`" in reported.reason
    assert reported.evaluation is not None
    assert reported.evaluation.nights[0] > "2024-03-15", "judged on nights that its champion was judged on"


@pytest.mark.parametrize(
    ("fitted", "every", "expected"),
    [
        (["2013-01-01", "2013-01-31"], "day", 31),
        (["2013-01-01", "2013-03-01"], "month", 3),
        (None, "day", None),
    ],
)
def test_nights_that_a_champion_was_fitted_on_are_counted(
    fitted: list[str] | None, every: Literal["day", "month"], expected: int | None
) -> None:
    met = Champion(facts={} if fitted is None else {"fitted": fitted})
    assert met.count_fitted_nights(Night(hour=2, timezone="UTC", every=every)) == expected


def test_a_champion_whose_features_are_gone_has_a_fault_and_the_scores_of_the_base_rate(arrive: Arrive) -> None:
    settings, case = arrive("ingest a night"), usecases.get("taxi")
    met = champion.read(
        ledger.champion(warehouse.engine(settings.warehouse_url), "taxi"), StepContext(case=case, settings=settings)
    )
    frame = build.read(settings.lake, case, LAST, LAST)
    known, unknown = met.scored_on(frame, 0.3), met.scored_on(frame[["entity"]], 0.3)
    assert (known.bar(met.recipe), known.bar("another"), known.fault) == (GateRule.REFRESH, GateRule.CHANGE, "")
    assert len(set(known.scores)) > 1
    assert (unknown.bar(met.recipe), set(unknown.scores)) == (GateRule.CHAMPION_UNAVAILABLE, {0.3})
    assert "expected the features" in unknown.fault


def test_before_the_first_champion_a_challenger_must_show_a_first_models_worth() -> None:
    assert Champion().bar("any") is GateRule.BOOTSTRAP
