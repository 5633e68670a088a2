"""A simulated Airflow for tests of the demo's driver."""

from datetime import UTC, datetime, timedelta
from typing import Any

from include.demo.airflow import CANARY, MATERIALIZE, STAGES
from tests.rest import ReceivedRequest, Reply

FIRST, SECOND, LAST = "2024-03-17", "2024-03-18", "2024-03-16"
NIGHTS = [f"2024-03-{day}" for day in range(17, 22)]
STARTED = datetime(2024, 3, 1, tzinfo=UTC)


class Toy:
    """A simulated Airflow whose runs advance by one step at each request; `happened` records requests and runs.

    An ingested period is scored, a scored night is monitored, and the nights in `retrained` are trained and released.
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

    def __call__(self, request: ReceivedRequest) -> Reply:
        parts = request.path.split("/")
        return 200, self.read_reply(request, parts) if request.method == "GET" else self.change_reply(request, parts)

    def read_reply(self, request: ReceivedRequest, parts: list[str]) -> dict[str, Any]:
        match parts[-1]:
            case "importErrors":
                return {"import_errors": [{"filename": f, "stack_trace": t} for f, t in self.broken.items()]}
            case "dags":
                read = self.read.isoformat()
                dags = [
                    {"dag_id": f"taxi_{stage}", "is_paused": True, "last_parsed_time": read}
                    for stage in (*STAGES, CANARY, MATERIALIZE)
                ]
                return {"dags": dags}
            case "dagRuns":
                self.step()
                return {"dag_runs": self.runs[: int(request.query["limit"])] if request.query["offset"] == "0" else []}
            case "taskInstances":
                return {"task_instances": self.tasks(parts[3])}
            case "hitlDetails":
                return {"hitl_details": self.questions(parts[3])}
            case number:
                assert number.isdecimal(), f"nobody asks for {request.path}"
                return {"content": [{"event": "the disk is full"}]}

    def change_reply(self, request: ReceivedRequest, parts: list[str]) -> dict[str, Any]:
        if isinstance(request.body, dict) and "is_paused" in request.body:
            self.paused[parts[-1]] = request.body["is_paused"]
        match parts[-1]:
            case "dagRuns":
                made = self.start(parts[1], request.body["partition_key"], request.body["dag_run_id"])
                if "why" in request.body["conf"] and self.heeds:
                    self.withheld.discard(made["partition_key"])
                    self.waived.append((made["partition_key"], request.user))
                return made
            case "clearTaskInstances":
                kind = "cleared" if request.body["only_failed"] else "cleared whole"
                self.happened.append((kind, request.body["dag_run_id"]))
            case "hitlDetails":
                self.answered.append(request.user)
            case "scoring":
                self.slots = request.body["slots"]
                self.happened.append(("slots", str(self.slots)))
        return {}

    def start(self, dag: str, key: str, run: str = "") -> dict[str, Any]:
        stage = dag.removeprefix("taxi_")
        made = {
            "dag_id": dag,
            "dag_run_id": run or f"{stage}_{key}_{len(self.runs)}",
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
        task = {"monitor": "request_retraining", "train": "request_release"}.get(stage, stage)
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
        instance = {"dag_id": run["dag_id"], "dag_run_id": run["dag_run_id"], "task_id": task, "state": state}
        return instance | {"id": task, "try_number": 1, "start_date": None, "end_date": None}


def ran(toy: Toy, *stages: str) -> list[tuple[str, str]]:
    """Return the events of these stages, in order."""
    return [each for each in toy.happened if each[0] in stages]
