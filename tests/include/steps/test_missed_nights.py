"""Nights that never ran are computed from the calendar, alerted, and made up for in order; all from what was ingested."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from include import usecases
from include.dashboard import overview, pages
from include.settings import Settings
from include.steps import ingest, missed_nights
from include.steps.features import build
from include.steps.score import score
from include.stores import ledger, warehouse
from ml.governance.ledger_entries import EntryKind
from ml.usecase import CatchUp, UseCase, periods
from tests import published, recorded
from tests.include.steps.conftest import NIGHT

Arrive = Callable[[str], Settings]
NOW = datetime(2024, 3, 21, 12, tzinfo=UTC)  # the night of the 21st had its cutoff on the 20th, 21:30 UTC
MISSED = ["2024-03-18", "2024-03-19", "2024-03-20", "2024-03-21"]


def alerts(settings: Settings) -> list[tuple[str, str]]:
    """Return kind and night of each alert of this kind."""
    kinds = (missed_nights.MISSED, missed_nights.UNSCORED)
    reported = warehouse.alerts(warehouse.engine(settings.warehouse_url), "taxi")
    return [(each.kind, str(each.night)) for each in reported if each.kind in kinds]


@pytest.mark.parametrize(
    ("nights", "chosen"),
    [
        ("all", MISSED[:3]),
        (3, MISSED[1:3]),
        (1, []),
        ("latest", []),
        (99, MISSED[:3]),
    ],
)
def test_the_next_scheduled_night_makes_up_for_those_that_are_declared(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch, nights: object, chosen: list[str]
) -> None:
    settings = arrive("ingest the next night")
    case = replace(taxi, catch_up=CatchUp(nights=nights))  # type: ignore[arg-type]
    monkeypatch.setattr(usecases, "get", lambda name: case)
    assert missed_nights.choose("taxi", "2024-03-21") == chosen
    assert missed_nights.choose("taxi", "2024-03-21") == chosen
    assert alerts(settings) == [(missed_nights.MISSED, each) for each in MISSED[:3]]


def test_a_night_that_was_made_up_for_is_missed_no_more_and_one_without_scores_is_named(
    arrive: Arrive, taxi: UseCase
) -> None:
    settings = arrive("ingest the next night")
    assert len(missed_nights.check("taxi", NOW)) == 4
    assert alerts(settings) == [(missed_nights.MISSED, each) for each in MISSED]
    assert missed_nights.check("taxi", NOW) == []
    for each in missed_nights.choose("taxi", "2024-03-20"):
        assert missed_nights.make_up("taxi", each) == 60
    assert [each[1] for each in alerts(settings)] == MISSED[2:]
    reported, _ = missed_nights.check("taxi", NOW)
    assert "the night 2024-03-18 was ingested, but it has no scores" in reported
    status = overview.status(warehouse.engine(settings.warehouse_url), taxi, NOW)
    assert [str(each) for each in status.gaps.without_run] == MISSED[2:]
    assert [str(each) for each in status.gaps.without_scores] == MISSED[:2]
    page = pages.use_case(settings, "taxi", NOW, "/ratchet")
    assert "2024-03-20, 2024-03-21 without a run" in page
    assert "2024-03-18, 2024-03-19 without scores" in page
    score.score("taxi", "2024-03-18..2024-03-19")
    missed_nights.check("taxi", NOW)
    assert [each[1] for each in alerts(settings)] == MISSED[2:]


def test_a_hole_between_two_nights_is_found_by_a_later_one(arrive: Arrive) -> None:
    arrive("ingest the next night")
    ingest.ingest("taxi", MISSED[1])
    build.build("taxi", MISSED[1])
    assert missed_nights.choose("taxi", MISSED[2]) == [MISSED[0]]


def test_a_night_that_just_began_and_a_home_of_another_year_miss_nothing(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("ingest the next night")
    cutoff = taxi.schedule.cutoff(periods.parse(MISSED[0]).first)
    assert missed_nights.check("taxi", cutoff + timedelta(minutes=90)) == []
    assert missed_nights.check("taxi", NOW + timedelta(days=800)) == []
    assert missed_nights.choose("taxi", "2026-03-21") == []
    assert alerts(settings) == []


def test_a_use_case_that_never_ran_misses_nothing(home: Settings, taxi: UseCase) -> None:
    assert missed_nights.check("taxi", NOW) == []
    assert missed_nights.choose("taxi", NIGHT) == []


def test_a_complete_night_without_live_scores_is_named_and_the_newest_is_not_due_yet(
    arrive: Arrive, taxi: UseCase
) -> None:
    settings = arrive("monitor")
    engine = warehouse.engine(settings.warehouse_url)
    first = periods.parse("2024-03-16").last
    ledger.append(
        engine,
        kind=EntryKind.PROMOTED,
        use_case="taxi-live",
        night=first,
        subject="p" * 64,
        payload=recorded.PROMOTED,
        key="live",
    )
    noon = datetime(2024, 3, 18, 12, tzinfo=UTC)  # the night of the 18th has landed, so that of the 17th is complete
    (reported,) = [each for each in missed_nights.check("taxi", noon) if "no scores" in each and "live" in each]
    assert reported.startswith(f"the night {NIGHT} was ingested, but it has no scores")
    assert "the DAGs taxi_ingest and taxi-live_score" in reported
    (alert,) = warehouse.alerts(engine, "taxi-live")
    assert (alert.kind, str(alert.night)) == (missed_nights.UNSCORED, NIGHT)
    scores = pd.DataFrame({"entity": ["2024-03-17|0"], "score": [0.5]})
    published.publish(engine, "taxi-live", periods.parse(NIGHT).last, "p" * 64, scores, noon)
    missed_nights.check("taxi", noon)
    assert warehouse.alerts(engine, "taxi-live") == ()
