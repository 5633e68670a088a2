"""What an Airflow that is not ready, or in which something failed, comes to."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from include.demo import DemoRun, StageError, airflow
from include.platform.local.processes import LocalStack
from include.settings import Settings
from ml.errors import SetupError
from tests.include.demo.toy import STARTED, Toy, ran


def test_dags_are_let_start_only_once_they_are_read_anew(
    toy: Toy, driver: Callable[[], DemoRun], home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.read = STARTED - timedelta(hours=1)
    monkeypatch.setattr(airflow, "_TIMEOUT_SECONDS", 0.2)
    with pytest.raises(SetupError, match="timed out, waiting for the DAG files to be parsed: waited .*: see .*logs"):
        driver().prepare()


def test_a_failure_of_an_earlier_attempt_is_cleared_even_if_the_dags_are_parsed_late(
    toy: Toy, driver: Callable[[], DemoRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.start("taxi_train", "2024-03-16", "failed_training")["state"] = "failed"
    toy.start("taxi_score", "2024-03-17", "failed_night")["state"] = "failed"
    parsed, looks = airflow.Airflow._parsed_dags, iter((True, True))
    monkeypatch.setattr(airflow.Airflow, "_parsed_dags", lambda self: set() if next(looks, False) else parsed(self))
    driver().prepare()
    assert set(ran(toy, "cleared", "cleared whole")) == {
        ("cleared", "failed_night"),
        ("cleared whole", "failed_training"),  # the code may have been corrected since it began
    }


def test_a_dag_file_that_cannot_be_read_is_named(toy: Toy, driver: Callable[[], DemoRun]) -> None:
    toy.broken = {"dags/score.py": "Traceback\n  ...\nSyntaxError: invalid syntax\n"}
    with pytest.raises(SetupError, match=r"the DAG file dags/score.py cannot be imported: SyntaxError: invalid syntax"):
        driver().prepare()


def test_another_use_case_that_cannot_be_read_stops_nothing(toy: Toy, driver: Callable[[], DemoRun]) -> None:
    toy.broken = {"dags/broken.py": "Traceback\n  ...\nDeclarationError: the use case 'ferries' cannot be read\n"}
    driver().prepare()
    assert toy.paused["taxi_ingest"] is False


def test_a_mapped_task_that_failed_for_good_is_named_with_the_log_of_that_instance(
    toy: Toy, driver: Callable[[], DemoRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = toy.task
    monkeypatch.setattr(toy, "task", lambda *of: task(*of) | {"map_index": 1})
    toy.fails = "train"
    with pytest.raises(StageError, match=r"log: .*/task_id=\w+/map_index=1/attempt=1\.log"):
        driver().bootstrap()


@pytest.mark.parametrize("stage", ["ingest", "score", "train"])
def test_a_task_that_failed_for_good_is_named_with_its_last_words_and_its_log(
    toy: Toy, driver: Callable[[], DemoRun], stage: str
) -> None:
    toy.fails = stage
    with pytest.raises(
        StageError, match=rf"taxi_{stage}, task \w+, 2024.*: the disk is full\nlog: .*/task_id=\w+/attempt=1\.log"
    ):
        driver().bootstrap()


def test_a_process_that_ended_is_not_waited_for(
    toy: Toy, driver: Callable[[], DemoRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: LocalStack) -> None:
        raise SetupError("the scheduler ended by itself")

    monkeypatch.setattr(LocalStack, "check_alive", gone)
    with pytest.raises(SetupError, match="the scheduler ended by itself"):
        driver().bootstrap()


def test_the_tasks_of_a_run_of_before_an_upgrade_are_found_under_their_former_names(
    toy: Toy, driver: Callable[[], DemoRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    task, former = toy.task, {"request_release": "hand_over", "request_retraining": "ask"}

    def of_before(*of: Any) -> dict[str, Any]:
        made: dict[str, Any] = task(*of)
        return made | {"task_id": former.get(made["task_id"], made["task_id"])}

    monkeypatch.setattr(toy, "task", of_before)
    driver().bootstrap()
    assert [stage for stage, _ in ran(toy, "train", "release")] == ["train", "release"]
