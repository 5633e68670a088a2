"""What is asked of Airflow over HTTP, and what its replies become; a real server on loopback answers."""

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from include.platform.local import airflow_client as module
from include.platform.local import environment
from include.platform.local.airflow_client import Client, PendingApproval, Run, TaskRun
from include.settings import Settings
from ml.errors import RequestError, SetupError
from tests.rest import ReceivedRequest, Reply, serving

RUN = Run(dag="taxi_train", id="first", key="2024-03-16", state="running", conf={"reason": "bootstrap"})
MOMENT = "2024-03-16T03:00:00+00:00"


def run(number: int = 0, **changes: Any) -> dict[str, Any]:
    reported = {"dag_id": "taxi_train", "dag_run_id": f"run {number}", "partition_key": str(number), "state": "success"}
    return reported | {"conf": None} | changes


def task(**changes: Any) -> dict[str, Any]:
    reported = {"dag_id": "taxi_train", "dag_run_id": "first", "task_id": "train", "state": "failed", "try_number": 2}
    return reported | {"id": "7", "start_date": MOMENT, "end_date": None} | changes


def question(response: bool = False, **changes: Any) -> dict[str, Any]:
    users = [{"id": "tech_lead", "name": "tech_lead"}]
    waiting = task(state="awaiting_input", task_id="approval", **changes)
    return {"response_received": response, "assigned_users": users, "task_instance": waiting}


def always(status: int, reply: Any) -> Any:
    return lambda _: (status, reply)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.time, "sleep", lambda _: None)


def test_every_request_bears_the_token_of_its_user(settings: Settings) -> None:
    with serving(settings, always(200, {"dags": []})) as server, Client(settings, "tech_lead") as client:
        assert client.dags() == {}
    assert [each.user for each in server.requests] == ["tech_lead"]


def test_an_unknown_user_is_refused_before_anything_is_asked(settings: Settings) -> None:
    reported = pytest.raises(RequestError, match=r"expected one of the users \['admin', .*\], got 'eve'")
    with serving(settings, always(200, {})) as server, reported:
        Client(settings, "eve")
    assert server.requests == []


def test_a_wrong_password_is_another_airflow(settings: Settings) -> None:
    with serving(settings, always(200, {})):
        environment.passwords_file(settings).write_text(json.dumps({"admin": "of another stack"}))
        with pytest.raises(SetupError, match=r"refused the login of 'admin' \(401\): is another Airflow on this port"):
            Client(settings)


@pytest.mark.parametrize(
    ("reply", "reported"),
    [
        ((403, {"detail": "not yours"}), r"refused PATCH dags/x of 'admin' \(403\): not yours"),
        ((404, "<html>nothing here"), r"\(404\): <html>nothing here"),
        ((422, ["odd"]), r'\(422\): \["odd"\]'),
    ],
    ids=["a reason", "no JSON", "another JSON"],
)
def test_a_refusal_is_told_with_airflows_reason(settings: Settings, reply: Reply, reported: str) -> None:
    refused = pytest.raises(RequestError, match=reported)
    with serving(settings, always(*reply)) as server, Client(settings) as client, refused:
        client.pause("x", paused=True)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize(("busy", "tries"), [(1, 2), (3, 4)])
def test_a_busy_database_is_asked_again(settings: Settings, status: int, busy: int, tries: int) -> None:
    numbers = count()

    def answer(_: ReceivedRequest) -> Reply:
        return (status, {"detail": "locked"}) if next(numbers) < busy else (200, {"import_errors": []})

    with serving(settings, answer) as server, Client(settings) as client:
        assert client.import_errors() == {}
    assert len(server.requests) == tries


def test_a_database_that_stays_busy_is_told(settings: Settings) -> None:
    reported = pytest.raises(RequestError, match=r"\(503\): locked")
    with serving(settings, always(503, {"detail": "locked"})) as server, Client(settings) as client, reported:
        client.import_errors()
    assert len(server.requests) == 4


def test_dags_and_what_kept_files_from_being_read(settings: Settings) -> None:
    def answer(asked: ReceivedRequest) -> Reply:
        if asked.path == "importErrors":
            return 200, {"import_errors": [{"filename": "dags/score.py", "stack_trace": "SyntaxError"}]}
        return 200, {"dags": [{"dag_id": "taxi_score", "is_paused": True, "last_parsed_time": MOMENT}]}

    with serving(settings, answer), Client(settings) as client:
        dag = client.dags()["taxi_score"]
        assert (dag.paused, dag.parsed_at) == (True, datetime.fromisoformat(MOMENT))
        assert client.import_errors() == {"dags/score.py": "SyntaxError"}


def test_a_run_triggered_twice_is_one_run(settings: Settings) -> None:
    reported = run(dag_run_id="first", partition_key="2024-03-16", state="running", conf=RUN.conf)

    def answer(asked: ReceivedRequest) -> Reply:
        return (409, {"detail": "already there"}) if asked.method == "POST" else (200, reported)

    with serving(settings, answer) as server, Client(settings) as client:
        assert client.trigger("taxi_train", run="first", key=RUN.key, conf=RUN.conf) == RUN
    assert server.requests[0].body == {
        "logical_date": None,
        "dag_run_id": "first",
        "partition_key": "2024-03-16",
        "conf": {"reason": "bootstrap"},
    }
    assert server.paths("GET") == ["dags/taxi_train/dagRuns/first"]


@pytest.mark.parametrize(
    ("there", "limit", "reported", "pages"), [(250, 1000, 250, 3), (250, 120, 120, 2), (0, 100, 0, 1)]
)
def test_runs_come_page_by_page(settings: Settings, there: int, limit: int, reported: int, pages: int) -> None:
    def answer(asked: ReceivedRequest) -> Reply:
        first = int(asked.query["offset"])
        return 200, {"dag_runs": [run(n) for n in range(first, min(first + int(asked.query["limit"]), there))]}

    with serving(settings, answer) as server, Client(settings) as client:
        assert [each.key for each in client.runs(limit=limit)] == [str(n) for n in range(reported)]
    assert len(server.requests) == pages


def test_the_run_of_a_key_is_the_newest(settings: Settings) -> None:
    runs = [run(1, partition_key=None), run(2, partition_key="k"), run(3, partition_key="k")]
    with serving(settings, always(200, {"dag_runs": runs})), Client(settings) as client:
        assert client.find_run("taxi_train", "k") == Run(
            dag="taxi_train", id="run 2", key="k", state="success", conf={}
        )
        assert client.find_run("taxi_train", "other") is None


@pytest.mark.parametrize(("state", "failed"), [("failed", True), ("upstream_failed", True), ("success", False)])
def test_a_task_tells_whether_it_failed_and_when_it_ran(settings: Settings, state: str, failed: bool) -> None:
    with serving(settings, always(200, {"task_instances": [task(state=state)]})), Client(settings) as client:
        (reported,) = client.tasks(RUN)
    assert (reported.failed, reported.started, reported.ended) == (failed, datetime.fromisoformat(MOMENT), None)


def test_failed_tasks_are_cleared_and_no_others(settings: Settings) -> None:
    with serving(settings, always(200, {})) as server, Client(settings) as client:
        client.clear(RUN)
    (asked,) = server.requests
    assert asked.path == "dags/taxi_train/clearTaskInstances"
    assert asked.body == {"dry_run": False, "only_failed": True, "dag_run_id": "first", "reset_dag_runs": True}


ERROR = {"event": "Task failed", "error_detail": [{"exc_type": "X", "exc_value": "y"}, {"exc_type": "LeakError", "exc_value": "it knows"}]}  # fmt: skip


@pytest.mark.parametrize(
    ("status", "reply", "said"),
    [
        (200, {"content": [{"event": "begun"}, ERROR, {"event": "ended"}]}, "LeakError: it knows"),
        (200, {"content": [{"event": "begun"}, {"event": "ended"}]}, "ended"),
        (200, {"content": ["plain"]}, "plain"),
        (200, {"content": [{"event": "ended"}, {"event": "::group::Log"}, {"event": "::endgroup::"}]}, "ended"),
        (200, {"content": [{"event": "::endgroup::"}]}, "it has no log"),
        (200, {"content": []}, "it has no log"),
        (404, {"detail": "no such log"}, "it has no log"),
    ],
    ids=["an error", "no error", "plain text", "marks of a group", "only such marks", "an empty log", "no log"],
)
def test_the_last_words_of_a_task(settings: Settings, status: int, reply: Any, said: str) -> None:
    failed = TaskRun(dag="d", run="r", task="t", state="failed", tries=2, started=None, ended=None)
    with serving(settings, always(status, reply)) as server, Client(settings) as client:
        assert client.last_error(failed) == said
    assert server.paths("GET") == ["dags/d/dagRuns/r/taskInstances/t/logs/2"]


@pytest.mark.parametrize(("index", "asked"), [(-1, {}), (0, {"map_index": "0"}), (2, {"map_index": "2"})])
def test_the_words_of_one_instance_of_a_mapped_task_are_its_own(
    settings: Settings, index: int, asked: dict[str, str]
) -> None:
    failed = TaskRun(dag="d", run="r", task="t", state="failed", tries=1, started=None, ended=None, index=index)
    with serving(settings, always(200, {"content": []})) as server, Client(settings) as client:
        client.last_error(failed)
    (reported,) = [each for each in server.requests if each.method == "GET"]
    assert {name: value for name, value in reported.query.items() if name == "map_index"} == asked


def test_only_questions_that_wait_are_told_and_since_when_they_were_first_seen(settings: Settings) -> None:
    details = [question(), question(response=True, id="8"), {**question(), "task_instance": task(state="success")}]
    with serving(settings, always(200, {"hitl_details": details})), Client(settings) as client:
        begun = datetime.now(UTC)
        (first,), (again,) = client.approvals(RUN), client.approvals(RUN)
    assert (first.users, first.task, first == again) == (("tech_lead",), "approval", True)
    assert begun <= first.since <= datetime.now(UTC)


def test_a_question_asked_again_has_to_settle_again(settings: Settings) -> None:
    tries = count(1)
    with (
        serving(settings, lambda _: (200, {"hitl_details": [question(try_number=next(tries))]})),
        Client(settings) as client,
    ):
        (first,), (again,) = client.approvals(RUN), client.approvals(RUN)
    assert first.since < again.since


@pytest.mark.parametrize(("age", "settled"), [(0.0, False), (1.0, False), (2.5, True)])
def test_a_question_settles_after_two_seconds(age: float, settled: bool) -> None:
    since = datetime.now(UTC) - timedelta(seconds=age)
    assert PendingApproval(dag="d", run="r", task="t", users=(), since=since).is_answerable is settled


def test_an_answer_waits_until_its_question_has_settled(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = iter([False, False, True])
    monkeypatch.setattr(PendingApproval, "is_answerable", property(lambda _: next(waits)))
    approval = PendingApproval(dag="d", run="r", task="t", users=("tech_lead",), since=datetime.now(UTC))
    with serving(settings, always(200, {})) as server, Client(settings, "tech_lead") as client:
        client.answer(approval, "Approve")
    (asked,) = server.requests
    assert asked.path == "dags/d/dagRuns/r/taskInstances/t/-1/hitlDetails"
    assert asked.body == {"chosen_options": ["Approve"], "params_input": {}}
    assert list(waits) == []


@pytest.mark.parametrize(("status", "methods"), [(200, ["PATCH"]), (404, ["PATCH", "POST"])], ids=["there", "new"])
@pytest.mark.parametrize("what", ["pool", "variable", "connection"])
def test_an_object_is_renewed_or_made(settings: Settings, status: int, methods: list[str], what: str) -> None:
    def answer(asked: ReceivedRequest) -> Reply:
        return (status, {"detail": "none"}) if asked.method == "PATCH" else (201, {})

    with serving(settings, answer) as server, Client(settings) as client:
        if what == "pool":
            client.set_pool("scoring", 1, "one at a time")
        elif what == "variable":
            client.set_variable("hour", "2")
        else:
            client.set_connection({"connection_id": "lake", "conn_type": "aws"})
    assert [each.method for each in server.requests] == methods
    assert {each.path.split("/")[0] for each in server.requests} == {f"{what}s"}
    if len(methods) == 2:
        wanted = {"pool": ("name", "scoring"), "variable": ("key", "hour"), "connection": ("conn_type", "aws")}[what]
        assert server.requests[-1].body[wanted[0]] == wanted[1]


@pytest.mark.parametrize(("description", "mask"), [(None, "slots"), ("why", "description")])
def test_a_pool_keeps_its_description_when_none_is_given(settings: Settings, description: Any, mask: str) -> None:
    with serving(settings, always(200, {})) as server, Client(settings) as client:
        client.set_pool("scoring", 0, description)
    assert server.requests[0].query["update_mask"] == mask
