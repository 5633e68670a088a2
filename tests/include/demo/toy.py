"""A small server on loopback that stands where Airflow would."""

from datetime import UTC, datetime, timedelta
from typing import Any

from include.demo.airflow import CANARY, MATERIALIZE, STAGES
from tests.rest import Asked, Reply

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
                    for stage in (*STAGES, CANARY, MATERIALIZE)
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
        told = {"dag_id": run["dag_id"], "dag_run_id": run["dag_run_id"], "task_id": task, "state": state}
        return told | {"id": task, "try_number": 1, "start_date": None, "end_date": None}


def ran(toy: Toy, *stages: str) -> list[tuple[str, str]]:
    """Return what happened of these kinds."""
    return [each for each in toy.happened if each[0] in stages]
