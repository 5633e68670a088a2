"""The driver asks an Airflow in the right order; here a small server on loopback stands where Airflow would."""

import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from include import rehearsal
from include.rehearsal import AFTERWARDS, CANARY, STAGES, Rehearsal, StageError
from include.settings import Settings
from include.stack import client as rest
from include.stack.client import Client
from include.stack.processes import Stack
from include.stores import ledger, warehouse
from ml.errors import RequestError, SetupError
from ml.usecase import UseCase
from tests.rest import Asked, Reply, serving

FIRST, SECOND, LAST = "2024-03-17", "2024-03-18", "2024-03-16"
NIGHTS = [f"2024-03-{day}" for day in range(17, 22)]
STARTED = datetime(2024, 3, 1, tzinfo=UTC)


class Toy:
    """An Airflow whose runs go on by one step each time they are looked at; `happened` is what was asked and what ran.

    An ingested period is scored, a scored night monitored, and the nights in `retrained` trained and released.
    """

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []
        self.happened: list[tuple[str, str]] = []
        self.slots = 1
        self.retrained = {LAST}
        self.refused: set[str] = set()
        self.refused_runs: set[str] = set()
        self.read = STARTED + timedelta(seconds=1)
        self.broken: dict[str, str] = {}
        self.fails = ""
        self.answered: list[str] = []
        self.withheld: set[str] = set()
        self.heeds = True
        self.waived: list[tuple[str, str]] = []
        self.paused: dict[str, bool] = {}

    def __call__(self, asked: Asked) -> Reply:
        parts = asked.path.split("/")
        return 200, self.told(asked, parts) if asked.method == "GET" else self.changed(asked, parts)

    def told(self, asked: Asked, parts: list[str]) -> dict[str, Any]:
        match parts[-1]:
            case "importErrors":
                return {"import_errors": [{"filename": f, "stack_trace": t} for f, t in self.broken.items()]}
            case "dags":
                read = self.read.isoformat()
                told = [
                    {"dag_id": f"taxi_{stage}", "is_paused": True, "last_parsed_time": read}
                    for stage in (*STAGES, CANARY, AFTERWARDS)
                ]
                return {"dags": told}
            case "dagRuns":
                self.step()
                return {"dag_runs": self.runs[: int(asked.query["limit"])] if asked.query["offset"] == "0" else []}
            case "taskInstances":
                return {"task_instances": self.tasks(parts[3])}
            case "hitlDetails":
                return {"hitl_details": self.questions(parts[3])}
            case number:
                assert number.isdecimal(), f"nobody asks for {asked.path}"
                return {"content": [{"event": "the disk is full"}]}

    def changed(self, asked: Asked, parts: list[str]) -> dict[str, Any]:
        if isinstance(asked.body, dict) and "is_paused" in asked.body:
            self.paused[parts[-1]] = asked.body["is_paused"]
        match parts[-1]:
            case "dagRuns":
                made = self.start(parts[1], asked.body["partition_key"], asked.body["dag_run_id"])
                if "why" in asked.body["conf"] and self.heeds:
                    self.withheld.discard(made["partition_key"])
                    self.waived.append((made["partition_key"], asked.user))
                return made
            case "clearTaskInstances":
                self.happened.append(("cleared", asked.body["dag_run_id"]))
            case "hitlDetails":
                self.answered.append(asked.user)
            case "scoring":
                self.slots = asked.body["slots"]
                self.happened.append(("slots", str(self.slots)))
        return {}

    def start(self, dag: str, key: str, run: str = "") -> dict[str, Any]:
        stage = dag.removeprefix("taxi_")
        made = {
            "dag_id": dag,
            "dag_run_id": run or f"{stage}_{key}",
            "partition_key": key,
            "state": "running",
            "conf": {},
        }
        self.runs.insert(0, made)
        self.happened.append((stage, key))
        return made

    def step(self) -> None:
        for run in [each for each in self.runs if each["state"] == "running"]:
            stage, key = run["dag_id"].removeprefix("taxi_"), run["partition_key"]
            if stage == self.fails:
                run["state"] = "failed"
            elif self.may_end(stage, run):
                run["state"] = "success"
                self.follow(stage, key)

    def may_end(self, stage: str, run: dict[str, Any]) -> bool:
        if stage == "score" and ".." not in run["partition_key"] and not run.get("begun"):
            run["begun"] = self.slots > 0
            return False
        return stage != "release" or len(self.answered) == 2

    def follow(self, stage: str, key: str) -> None:
        after = {"ingest": "score", "monitor": "train", "train": "release"}.get(stage)
        if stage == "score" and ".." not in key and key not in self.withheld:
            after = "monitor"
        if after == "train" and key not in self.retrained:
            after = None
        if after:
            self.start(f"taxi_{after}", key)

    def tasks(self, name: str) -> list[dict[str, Any]]:
        run = next(each for each in self.runs if each["dag_run_id"] == name)
        stage = run["dag_id"].removeprefix("taxi_")
        state = "skipped" if stage == "score" and run["partition_key"] in self.withheld else "success"
        if stage == "monitor":
            state = "success" if run["partition_key"] in self.retrained else "skipped"
        if stage == "train" and (run["partition_key"] in self.refused or name in self.refused_runs):
            state = "skipped"
        task = {"monitor": "ask", "train": "hand_over"}.get(stage, stage)
        return [self.task(run, task, "failed" if run["state"] == "failed" else state)]

    def questions(self, name: str) -> list[dict[str, Any]]:
        run = next(each for each in self.runs if each["dag_run_id"] == name)
        return [
            {
                "response_received": False,
                "assigned_users": [{"id": role}],
                "task_instance": self.task(run, f"approval_of_{role}", "awaiting_input"),
            }
            for role in ("tech_lead", "business_owner")
            if role not in self.answered
        ]

    def task(self, run: dict[str, Any], task: str, state: str) -> dict[str, Any]:
        told = {"dag_id": run["dag_id"], "dag_run_id": run["dag_run_id"], "task_id": task, "state": state}
        return told | {"id": task, "try_number": 1, "start_date": None, "end_date": None}


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    """An Airflow in which nothing has happened yet, and a driver that waits for nothing."""
    monkeypatch.setattr(rehearsal, "_POLL_SECONDS", 0.0)
    monkeypatch.setattr(rest, "_SETTLE", timedelta(0))
    return Toy()


@pytest.fixture
def driver(toy: Toy, taxi: UseCase, home: Settings) -> Iterator[Callable[[], Rehearsal]]:
    """A function that returns a rehearsal of the toy use case on the toy Airflow."""
    stack = Stack(settings=home, token="none", task_port=0, processes={}, started=STARTED)
    with serving(home, toy), Client(home) as client:
        yield lambda: Rehearsal(taxi, stack, client, lambda _: None, taxi.horizon.nights(rehearsal.played(taxi)))


@pytest.fixture
def home(home: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a home whose Airflow has a port of its own."""
    from include import settings
    from include.stack import setup

    monkeypatch.setenv("RATCHET_AIRFLOW_PORT", str(setup.free_port("127.0.0.1")))
    settings.load.cache_clear()
    return settings.load()


def ran(toy: Toy, *stages: str) -> list[tuple[str, str]]:
    return [each for each in toy.happened if each[0] in stages]


def test_history_is_ingested_at_once_and_the_first_model_trained_and_approved_by_both(
    toy: Toy, driver: Callable[[], Rehearsal], taxi: UseCase
) -> None:
    played = driver()
    played.learn_history()
    history = taxi.rehearsal.history
    assert toy.happened == [("ingest", history), ("score", history), ("train", LAST), ("release", LAST)]
    assert sorted(toy.answered) == ["business_owner", "tech_lead"]
    assert list(played.watch.seconds) == ["history", "first model"]


def test_a_first_model_that_is_refused_stops_the_rehearsal_with_the_reason(
    toy: Toy, driver: Callable[[], Rehearsal]
) -> None:
    toy.refused = {LAST}
    with pytest.raises(StageError, match="the first model was not let in: there is no verdict"):
        driver().learn_history()


def test_a_first_model_that_fails_its_battery_stops_the_rehearsal_with_the_check(
    home: Settings, driver: Callable[[], Rehearsal]
) -> None:
    checks = [{"name": "p99 latency, ms", "value": 17.0, "bar": "at most 10", "answer": "fail"}]
    engine = warehouse.engine(home.warehouse_url)
    for kind, payload in (
        ("judged", {"outcome": "promote", "reason": "it is good", "trigger": "you"}),
        ("tested", {"checks": checks}),
    ):
        ledger.append(
            engine, kind=kind, use_case="taxi", night=date.fromisoformat(LAST), subject="c", payload=payload, key=kind
        )
    with pytest.raises(StageError, match=r"not let in: fails p99 latency, ms \(bar: at most 10\)"):
        driver().learn_history()


def test_a_first_model_that_was_refused_is_tried_again_when_the_rehearsal_is(
    toy: Toy, driver: Callable[[], Rehearsal], taxi: UseCase
) -> None:
    toy.refused = {LAST}
    with pytest.raises(StageError, match=f"take the history again .*ratchet ingest taxi {taxi.rehearsal.history}"):
        driver().learn_history()
    toy.refused, toy.happened = set(), []
    toy.runs = [run for run in toy.runs if run["dag_id"] != "taxi_release"]
    toy.refused_runs = {run["dag_run_id"] for run in toy.runs if run["dag_id"] == "taxi_train"}
    again = driver()
    again.get_ready()
    again.learn_history()
    assert ran(toy, "train", "release") == [("train", LAST), ("release", LAST)]
    assert [run["dag_run_id"] for run in toy.runs if run["dag_id"] == "taxi_train"] == [
        f"rehearsal__bootstrap_{LAST}_2",
        f"rehearsal__bootstrap_{LAST}",
    ]
    toy.happened = []
    third = driver()
    third.get_ready()
    third.learn_history()
    assert ran(toy, "train") == []


def test_nights_are_played_in_order_and_each_is_over_before_the_next_is_scored(
    toy: Toy, driver: Callable[[], Rehearsal]
) -> None:
    done: list[str] = []
    driver().play(done.append)
    assert done == NIGHTS
    assert [key for stage, key in ran(toy, "monitor")] == NIGHTS
    assert ran(toy, "slots")[0] == ("slots", "0")
    assert toy.happened[-1] == ("slots", "1")


def test_more_nights_than_the_declared_ones_are_played_when_asked_for(taxi: UseCase, gym: UseCase) -> None:
    assert str(rehearsal.played(taxi)) == taxi.rehearsal.nights
    assert rehearsal.played(taxi, date(2024, 4, 2)).last == date(2024, 4, 2)
    assert rehearsal.played(taxi, date(2024, 3, 17)).is_night
    with pytest.raises(RequestError, match="2024-03-16 runs backwards"):
        rehearsal.played(taxi, date(2024, 3, 16))
    with pytest.raises(RequestError, match="the first of each month.*got 2024-05-20"):
        rehearsal.played(gym, date(2024, 5, 20))


def test_the_feature_store_waits_for_the_last_night(toy: Toy, driver: Callable[[], Rehearsal]) -> None:
    played = driver()
    played.get_ready()
    assert {dag for dag, paused in toy.paused.items() if paused} == {"taxi_materialize", "taxi_canary"}
    played.bring_online()
    assert ran(toy, AFTERWARDS) == [(AFTERWARDS, NIGHTS[-1])]
    assert not toy.paused["taxi_materialize"]


def test_a_night_is_ingested_while_the_one_before_is_monitored_but_gets_no_slot_until_that_is_over(
    toy: Toy, driver: Callable[[], Rehearsal]
) -> None:
    driver().play(lambda key: toy.happened.append(("over", key)))
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
    toy: Toy, driver: Callable[[], Rehearsal], taxi: UseCase
) -> None:
    toy.withheld = {SECOND}
    driver().play(lambda _: None)
    assert toy.waived == [(SECOND, taxi.release.approvers[0])]
    assert [key for stage, key in ran(toy, "monitor")] == NIGHTS
    happened = ran(toy, "ingest", "score", "monitor")
    second = happened.index(("score", SECOND))
    assert happened[second + 1 : second + 4] == [("score", SECOND), ("monitor", SECOND), ("ingest", NIGHTS[2])]


def test_a_night_that_stays_withheld_stops_the_rehearsal(toy: Toy, driver: Callable[[], Rehearsal]) -> None:
    toy.withheld, toy.heeds = {SECOND}, False
    with pytest.raises(StageError, match=f"the scores of {SECOND} are withheld though tech_lead let them go"):
        driver().play(lambda _: None)


def test_a_night_that_asks_for_a_model_waits_for_its_release(toy: Toy, driver: Callable[[], Rehearsal]) -> None:
    toy.retrained = {FIRST}
    played = driver()
    played.play(lambda _: None)
    assert ran(toy, "train", "release") == [("train", FIRST), ("release", FIRST)]
    released = toy.happened.index(("release", FIRST))
    assert ("slots", "1") in toy.happened[released:]
    assert ("slots", "1") not in toy.happened[toy.happened.index(("monitor", FIRST)) : released]
    assert list(played.watch.seconds) == ["nights", "retraining"]


def test_a_night_that_asks_for_none_is_over_after_its_monitoring(toy: Toy, driver: Callable[[], Rehearsal]) -> None:
    driver().play(lambda _: None)
    assert ran(toy, "train", "release") == []


def test_a_rehearsal_goes_on_where_an_earlier_one_was_stopped(
    toy: Toy, driver: Callable[[], Rehearsal], taxi: UseCase
) -> None:
    toy.start("taxi_ingest", taxi.rehearsal.history)
    toy.start("taxi_train", LAST, "failed_once")["state"] = "failed"
    toy.happened.clear()
    played = driver()
    played.get_ready()
    assert ran(toy, "cleared") == [("cleared", "failed_once")]
    toy.runs = [run for run in toy.runs if run["state"] != "failed"]
    played.learn_history()
    assert ran(toy, "ingest") == []


def test_dags_are_let_start_only_once_they_are_read_anew(
    toy: Toy, driver: Callable[[], Rehearsal], home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.read = STARTED - timedelta(hours=1)
    monkeypatch.setattr(rehearsal, "_PATIENCE_SECONDS", 0.2)
    with pytest.raises(SetupError, match="waited 0 minutes in vain for the DAG files to be read: see .*logs"):
        driver().get_ready()


def test_a_dag_file_that_cannot_be_read_is_named(toy: Toy, driver: Callable[[], Rehearsal]) -> None:
    toy.broken = {"dags/score.py": "Traceback\n  ...\nSyntaxError: invalid syntax\n"}
    with pytest.raises(SetupError, match=r"the DAG file dags/score.py cannot be read: SyntaxError: invalid syntax"):
        driver().get_ready()


def test_another_use_case_that_cannot_be_read_stops_nothing(toy: Toy, driver: Callable[[], Rehearsal]) -> None:
    toy.broken = {"dags/broken.py": "Traceback\n  ...\nDeclarationError: the use case 'ferries' cannot be read\n"}
    driver().get_ready()
    assert toy.paused["taxi_ingest"] is False


def test_a_mapped_task_that_failed_for_good_is_named_with_the_log_of_that_instance(
    toy: Toy, driver: Callable[[], Rehearsal], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = toy.task
    monkeypatch.setattr(toy, "task", lambda *of: task(*of) | {"map_index": 1})
    toy.fails = "train"
    with pytest.raises(StageError, match=r"log: .*/task_id=\w+/map_index=1/attempt=1\.log"):
        driver().learn_history()


@pytest.mark.parametrize("stage", ["ingest", "score", "train"])
def test_a_task_that_failed_for_good_is_named_with_its_last_words_and_its_log(
    toy: Toy, driver: Callable[[], Rehearsal], stage: str
) -> None:
    toy.fails = stage
    with pytest.raises(
        StageError, match=rf"taxi_{stage}, task \w+, 2024.*: the disk is full\nlog: .*/task_id=\w+/attempt=1\.log"
    ):
        driver().learn_history()


def test_a_process_that_ended_is_not_waited_for(
    toy: Toy, driver: Callable[[], Rehearsal], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: Stack) -> None:
        raise SetupError("the scheduler ended by itself")

    monkeypatch.setattr(Stack, "require_alive", gone)
    with pytest.raises(SetupError, match="the scheduler ended by itself"):
        driver().learn_history()


def test_a_signal_to_end_passes_through_every_finally_but_not_into_the_ending() -> None:
    ended: list[str] = []
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), rehearsal._ending_by_signal():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            with rehearsal._deaf():
                os.kill(os.getpid(), signal.SIGTERM)
                os.kill(os.getpid(), signal.SIGINT)
            ended.append("stopped")
    assert ended == ["stopped"]
    assert signal.getsignal(signal.SIGTERM) is before
