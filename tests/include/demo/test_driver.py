"""The driver asks an Airflow in the right order, each night over before the next is scored."""

from collections.abc import Callable
from datetime import date

import pytest

from include.demo import DemoRun, StageError
from include.demo.airflow import MATERIALIZE
from include.settings import Settings
from include.stores import ledger, warehouse
from ml.governance.checks import Check, CheckStatus
from ml.governance.ledger_entries import AcceptanceTested, EntryKind, Payload, Promoted, Verdict
from ml.usecase import UseCase
from tests.include.demo.toy import FIRST, LAST, NIGHTS, SECOND, Toy, ran


def test_history_is_ingested_at_once_and_the_first_model_trained_and_approved_by_both(
    toy: Toy, driver: Callable[[], DemoRun], taxi: UseCase
) -> None:
    played = driver()
    played.bootstrap()
    history = taxi.demo.history
    assert toy.happened == [("ingest", history), ("score", history), ("train", LAST), ("release", LAST)]
    assert sorted(toy.answered) == ["business_owner", "tech_lead"]
    assert list(played.stopwatch.seconds) == ["history", "first model"]


def test_a_first_model_that_is_refused_stops_the_rehearsal_with_the_reason(
    toy: Toy, driver: Callable[[], DemoRun]
) -> None:
    toy.refused = {LAST}
    with pytest.raises(StageError, match="the first model was not released: there is no verdict"):
        driver().bootstrap()


def record(home: Settings, kind: EntryKind, payload: Payload) -> None:
    night = date.fromisoformat(LAST)
    engine = warehouse.engine(home.warehouse_url)
    ledger.append(engine, kind=kind, use_case="taxi", night=night, subject="c", payload=payload, key=kind)


@pytest.fixture
def refused_by_tests(home: Settings) -> None:
    """The gate let the first model in, and its acceptance tests refused it."""
    check = Check(
        name="p99 latency, ms", value=17.0, bar="at most 10", status=CheckStatus.FAIL, setting="latency_budget.p99"
    )
    record(home, EntryKind.JUDGED, Verdict(outcome="promote", reason="it is good", trigger="you"))
    record(home, EntryKind.ACCEPTANCE_TESTED, AcceptanceTested(outcome="fail", checks=(check,)))


@pytest.mark.usefixtures("refused_by_tests")
def test_a_first_model_that_fails_its_acceptance_tests_stops_the_demo_with_value_bar_and_setting(
    driver: Callable[[], DemoRun],
) -> None:
    reason = r"not released: fails p99 latency, ms 17.0000 \(bar: at most 10, set by latency_budget.p99\)"
    with pytest.raises(StageError, match=reason):
        driver().bootstrap()


@pytest.mark.usefixtures("refused_by_tests")
def test_a_first_model_that_failed_its_acceptance_tests_is_trained_again_from_the_files(
    toy: Toy, driver: Callable[[], DemoRun], taxi: UseCase, home: Settings
) -> None:
    with pytest.raises(StageError, match="repeat the run: it ingests the history and trains again"):
        driver().bootstrap()
    toy.happened = []
    again = driver()
    again.prepare()
    with pytest.raises(StageError):
        again.bootstrap()
    history = taxi.demo.history
    assert ran(toy, "ingest", "score", "train", "release") == [
        ("ingest", history),
        ("score", history),
        ("train", LAST),
        ("release", LAST),
    ]
    record(home, EntryKind.PROMOTED, Promoted(approved_by=("a", "b"), evidence=""))
    toy.happened = []
    third = driver()
    third.prepare()
    third.bootstrap()
    assert ran(toy, "ingest", "train", "release") == []


def test_a_first_model_that_the_gate_refused_is_trained_again_from_the_files(
    toy: Toy, driver: Callable[[], DemoRun]
) -> None:
    toy.refused = {LAST}
    with pytest.raises(StageError, match="repeat the run: it ingests the history and trains again"):
        driver().bootstrap()
    toy.refused, toy.happened = set(), []
    toy.runs = [run for run in toy.runs if run["dag_id"] != "taxi_release"]
    toy.refused_runs = {run["dag_run_id"] for run in toy.runs if run["dag_id"] == "taxi_train"}
    again = driver()
    again.prepare()
    again.bootstrap()
    assert ran(toy, "train", "release") == [("train", LAST), ("release", LAST)]
    assert [run["dag_run_id"] for run in toy.runs if run["dag_id"] == "taxi_train"] == [
        f"demo__bootstrap_{LAST}_2",
        f"demo__bootstrap_{LAST}",
    ]
    toy.happened = []
    third = driver()
    third.prepare()
    third.bootstrap()
    assert ran(toy, "ingest", "train") == []


def test_nights_are_played_in_order_and_each_is_over_before_the_next_is_scored(
    toy: Toy, driver: Callable[[], DemoRun]
) -> None:
    done: list[str] = []
    driver().run_nights(done.append)
    assert done == NIGHTS
    assert [key for stage, key in ran(toy, "monitor")] == NIGHTS
    assert ran(toy, "slots")[0] == ("slots", "0")
    assert toy.happened[-1] == ("slots", "1")


def test_the_feature_store_waits_for_the_last_night(toy: Toy, driver: Callable[[], DemoRun]) -> None:
    played = driver()
    played.prepare()
    assert {dag for dag, paused in toy.paused.items() if paused} == {"taxi_materialize", "taxi_canary"}
    played.materialize_last_night()
    assert ran(toy, MATERIALIZE) == [(MATERIALIZE, NIGHTS[-1])]
    assert not toy.paused["taxi_materialize"]


def test_a_night_is_ingested_while_the_one_before_is_monitored_but_gets_no_slot_until_that_is_over(
    toy: Toy, driver: Callable[[], DemoRun]
) -> None:
    driver().run_nights(lambda key: toy.happened.append(("over", key)))
    happened = ran(toy, "ingest", "slots", "monitor", "over")
    first = happened.index(("monitor", FIRST))
    assert happened[first : first + 5] == [
        ("monitor", FIRST),
        ("slots", "0"),
        ("ingest", SECOND),
        ("over", FIRST),
        ("slots", "1"),
    ]


def test_a_night_that_is_withheld_is_let_go_by_a_person_before_the_next_is_begun(
    toy: Toy, driver: Callable[[], DemoRun], taxi: UseCase
) -> None:
    toy.withheld = {SECOND}
    driver().run_nights(lambda _: None)
    assert toy.waived == [(SECOND, taxi.release.approvers[0])]
    assert [key for stage, key in ran(toy, "monitor")] == NIGHTS
    happened = ran(toy, "ingest", "score", "monitor")
    second = happened.index(("score", SECOND))
    assert happened[second + 1 : second + 4] == [("score", SECOND), ("monitor", SECOND), ("ingest", NIGHTS[2])]


def test_a_night_that_stays_withheld_stops_the_rehearsal(toy: Toy, driver: Callable[[], DemoRun]) -> None:
    toy.withheld, toy.heeds = {SECOND}, False
    with pytest.raises(StageError, match=f"the scores of {SECOND} are still held back after the override by tech_lead"):
        driver().run_nights(lambda _: None)


def test_a_night_that_asks_for_a_model_waits_for_its_release(toy: Toy, driver: Callable[[], DemoRun]) -> None:
    toy.retrained = {FIRST}
    played = driver()
    played.run_nights(lambda _: None)
    assert ran(toy, "train", "release") == [("train", FIRST), ("release", FIRST)]
    released = toy.happened.index(("release", FIRST))
    assert ("slots", "1") in toy.happened[released:]
    assert ("slots", "1") not in toy.happened[toy.happened.index(("monitor", FIRST)) : released]
    assert list(played.stopwatch.seconds) == ["nights", "retraining"]


def test_a_night_that_asks_for_none_is_over_after_its_monitoring(toy: Toy, driver: Callable[[], DemoRun]) -> None:
    driver().run_nights(lambda _: None)
    assert ran(toy, "train", "release") == []


def test_a_rehearsal_goes_on_where_an_earlier_one_was_stopped(
    toy: Toy, driver: Callable[[], DemoRun], taxi: UseCase
) -> None:
    toy.start("taxi_ingest", taxi.demo.history)
    toy.start("taxi_train", LAST, "failed_once")["state"] = "failed"
    toy.happened.clear()
    played = driver()
    played.prepare()
    assert ran(toy, "cleared whole") == [("cleared whole", "failed_once")]
    toy.runs = [run for run in toy.runs if run["state"] != "failed"]
    played.bootstrap()
    assert ran(toy, "ingest") == []
