"""What a run is about: the form's fields, the partition key, and what is refused."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.definitions.param import ParamsDict
from ratchet import request

from include import usecases
from ml.errors import RequestError
from ml.usecase import Permission, Roles, UseCase

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

FLIGHTS = usecases.get("flights")


def context(key: str | None = None, case: UseCase = FLIGHTS, **conf: Any) -> dict[str, Any]:
    return {
        "dag_run": SimpleNamespace(partition_key=key, conf=conf),
        "dag": SimpleNamespace(params=ParamsDict(request.form_fields(case))),
    }


@pytest.mark.parametrize(
    ("given", "period"),
    [
        (context("2013-02-08"), "2013-02-08"),
        (context("2013-01-01..2013-01-31"), "2013-01-01..2013-01-31"),
        (context("2013-02-08", night="2013-02-09"), "2013-02-09"),
        (context(window="2013-02-01..2013-02-03"), "2013-02-01..2013-02-03"),
        (context("2013-02-08", night=None, use_case="flights"), "2013-02-08"),
    ],
    ids=["key", "window as key", "a night wins over the key", "a window", "fields left empty"],
)
def test_a_run_is_about_what_was_asked_for_or_else_its_key(given: dict[str, Any], period: str) -> None:
    assert request.period(given) == period


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (context("2013-02-08", nigth="2013-02-09"), "got nigth: leave that out"),
        (context(night="2013-02-08", window="2013-02-01..2013-02-03"), "got both"),
        (context(), "got neither: trigger the DAG again"),
        (context("tomorrow"), "expected a night"),
        (context("2013-02-08..2013-02-01"), "runs backwards"),
    ],
    ids=["an unknown field", "a night and a window", "nothing", "no date", "backwards"],
)
def test_a_request_that_cannot_be_meant_is_refused_with_a_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        request.period(given)


@pytest.mark.parametrize("by", ["manual", "backfill", "asset_triggered", None])
@pytest.mark.parametrize(
    "given",
    [{"key": "2031-03-03"}, {"night": "2031-03-03"}, {"window": "2013-02-01..2031-03-03"}, {"key": "9999-12-31"}],
)
def test_a_night_to_come_is_refused_however_it_is_requested(given: dict[str, Any], by: str | None) -> None:
    asked = context(**given)
    asked["dag_run"].run_type = by
    with pytest.raises(RequestError, match="expected a night whose cutoff has passed, got"):
        request.period(asked)


@pytest.mark.parametrize(
    ("by", "seconds", "allowed"),
    [
        pytest.param("manual", 1, False, id="a person, a second early"),
        pytest.param("manual", 0, True, id="a person, at the cutoff"),
        pytest.param("scheduled", 3600, True, id="the timetable, whose clock counts"),
        pytest.param("asset_triggered", 60, True, id="a run that follows, on a clock that is behind"),
        pytest.param("asset_triggered", 3600, False, id="an asset event for a night to come"),
    ],
)
def test_a_night_is_due_at_its_cutoff(monkeypatch: pytest.MonkeyPatch, by: str, seconds: int, allowed: bool) -> None:
    asked, night = context("2013-02-08"), date(2013, 2, 8)
    asked["dag_run"].run_type = by
    monkeypatch.setattr(request, "_now", lambda: FLIGHTS.schedule.cutoff(night) - timedelta(seconds=seconds))
    if allowed:
        assert request.period(asked) == "2013-02-08"
    else:
        with pytest.raises(RequestError, match="the latest night is 2013-02-07"):
            request.period(asked)


def test_a_moment_to_come_is_refused() -> None:
    moment = datetime(2013, 2, 8, 14, tzinfo=UTC)
    assert request.past_moment(moment) == moment
    with pytest.raises(RequestError, match="expected a moment that has passed"):
        request.past_moment(moment.replace(year=2131))


def test_the_night_of_a_window_is_its_last() -> None:
    assert request.night(context("2013-01-01..2013-01-31")) == "2013-01-31"


@pytest.mark.parametrize("key", ["2024-01-15", "2024-01-01..2024-01-15"], ids=["a night", "the end of a window"])
def test_a_day_that_is_no_night_of_the_use_case_is_refused_with_the_nights_next_to_it(gym: UseCase, key: str) -> None:
    reported = "got 2024-01-15, which is not a night: the night before it is 2024-01-01, the one after it 2024-02-01"
    with pytest.raises(RequestError, match=reported):
        request.period(context(key, gym))


def test_the_form_says_which_days_are_nights(gym: UseCase) -> None:
    assert "the first of each month, 05:00 Europe/Lisbon" in str(request.form_fields(gym)["night"].description)


@pytest.mark.parametrize(
    ("who", "allowed"), [(None, True), ("ann", True), ("bob", False)], ids=["nobody", "who is named", "another"]
)
def test_a_person_may_ask_who_is_named_and_an_asset_always(who: str | None, allowed: bool) -> None:
    case = replace(FLIGHTS, roles=Roles(train=("ann",)))
    asked = {"dag_run": SimpleNamespace(triggering_user_name=who)}
    if allowed:
        request.check_permission(asked, case, Permission.TRAIN)
    else:
        with pytest.raises(RequestError, match="got one by 'bob'"):
            request.check_permission(asked, case, Permission.TRAIN)
