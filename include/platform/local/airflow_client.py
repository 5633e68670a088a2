"""A client for the parts of Airflow's REST API that Ratchet uses, logged in as one user."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from include.patience import Patience
from include.platform.local import environment
from include.settings import Settings
from ml.errors import RequestError, SetupError

# Answering within a second of `awaiting_input` can make the scheduler fail the task (apache/airflow #71580, #72716).
_SETTLE = timedelta(seconds=2)
# SQLite lets one process write at a time; a request that timed out waiting for the lock can be repeated.
_BUSY = frozenset({500, 503})
_RETRIES = 3
_ANSWER_SECONDS = 120.0
_PAGE = 100
EVERY_DAG = "~"
ENDED = frozenset({"success", "failed"})
_FAILED = frozenset({"failed", "upstream_failed"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Dag:
    """A DAG as Airflow last parsed it."""

    id: str
    paused: bool
    parsed_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run of a DAG; `state` is queued, running, success or failed."""

    dag: str
    id: str
    key: str | None
    state: str
    conf: dict[str, Any]

    @property
    def ended(self) -> bool:
        return self.state in ENDED


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskRun:
    """The latest try of one task of a run.

    `started` and `ended` are None until the try starts and ends. `index` is the map index, -1 if the task is not
    mapped.
    """

    dag: str
    run: str
    task: str
    state: str | None
    tries: int
    started: datetime | None
    ended: datetime | None
    index: int = -1

    @property
    def failed(self) -> bool:
        return self.state in _FAILED


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingApproval:
    """A task that waits for an answer: who may answer, and when this client first saw it wait."""

    dag: str
    run: str
    task: str
    users: tuple[str, ...]
    since: datetime

    @property
    def is_answerable(self) -> bool:
        """Whether it has waited long enough that a program can safely answer it."""
        return datetime.now(UTC) - self.since >= _SETTLE


class Client:
    """A session of one user with Airflow's REST API; close it, or use it as a context manager."""

    def __init__(self, settings: Settings, user: str = "admin") -> None:
        self.user = user
        self._settings = settings
        self._first_seen: dict[tuple[str, int], datetime] = {}
        self._http = httpx.Client(base_url=environment.base_url(settings), timeout=30, trust_env=False)
        self._http.headers["Authorization"] = f"Bearer {self._token()}"

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def _token(self) -> str:
        passwords = json.loads(environment.passwords_file(self._settings).read_text())
        if self.user not in passwords:
            raise RequestError(f"expected one of the users {sorted(passwords)}, got {self.user!r}")
        reply = self._send("POST", "/auth/token", json={"username": self.user, "password": passwords[self.user]})
        if reply.status_code != 201:
            raise SetupError(
                f"Airflow refused the login of {self.user!r} ({reply.status_code}): is another Airflow on this port?"
            )
        return str(reply.json()["access_token"])

    def _send(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """Return the reply, of a second try if Airflow was too busy for the first; raises SetupError without one."""
        patience = Patience(_ANSWER_SECONDS)
        while True:
            try:
                return self._http.request(method, path, **kwargs)
            except httpx.TransportError as error:
                if isinstance(error, httpx.TimeoutException) and not patience.is_spent():
                    continue
                raise SetupError(
                    f"expected Airflow at {self._http.base_url} to answer {method} {path}, but: {error!r}, {patience}: "
                    f"see {self._settings.home / 'logs'}"
                ) from None

    def request(self, method: str, path: str, *, accept: Sequence[int] = (), **kwargs: Any) -> httpx.Response:
        """Return Airflow's reply; raises RequestError, with Airflow's reason, for an error status not in `accept`."""
        reply = self._send(method, f"/api/v2/{path}", **kwargs)
        for _ in range(_RETRIES):
            if reply.status_code not in _BUSY:
                break
            time.sleep(0.5)
            reply = self._send(method, f"/api/v2/{path}", **kwargs)
        if reply.is_error and reply.status_code not in accept:
            raise RequestError(
                f"Airflow refused {method} {path} of {self.user!r} ({reply.status_code}): {_reason(reply)}"
            )
        return reply

    def dags(self) -> dict[str, Dag]:
        """Return the existing DAGs by id."""
        entries = self.request("GET", "dags", params={"limit": _PAGE, "exclude_stale": True}).json()["dags"]
        return {
            dag["dag_id"]: Dag(
                id=dag["dag_id"], paused=dag["is_paused"], parsed_at=datetime.fromisoformat(dag["last_parsed_time"])
            )
            for dag in entries
        }

    def import_errors(self) -> dict[str, str]:
        """Return the stack trace of each DAG file that cannot be imported, by file."""
        return {e["filename"]: e["stack_trace"] for e in self.request("GET", "importErrors").json()["import_errors"]}

    def pause(self, dag: str, *, paused: bool) -> None:
        """Pause or unpause a DAG."""
        self.request("PATCH", f"dags/{dag}", json={"is_paused": paused})

    def trigger(self, dag: str, *, run: str, key: str | None = None, conf: dict[str, Any] | None = None) -> Run:
        """Start a run with the id `run` and return it; if there already is one, return that."""
        body = {"logical_date": None, "dag_run_id": run, "partition_key": key, "conf": conf or {}}
        reply = self.request("POST", f"dags/{dag}/dagRuns", json=body, accept=(409,))
        if reply.status_code == 409:
            reply = self.request("GET", f"dags/{dag}/dagRuns/{run}")
        return _run(reply.json())

    def runs(self, dag: str = EVERY_DAG, *, limit: int = _PAGE) -> Iterator[Run]:
        """Yield up to `limit` runs of a DAG, or of all DAGs, newest first."""
        for offset in range(0, limit, _PAGE):
            params = {"order_by": "-run_after", "limit": min(limit - offset, _PAGE), "offset": offset}
            page = self.request("GET", f"dags/{dag}/dagRuns", params=params).json()["dag_runs"]
            yield from map(_run, page)
            if len(page) < _PAGE:
                return

    def find_run(self, dag: str, key: str) -> Run | None:
        """Return the newest run of the DAG for a partition key, if there is one."""
        return next((run for run in self.runs(dag, limit=10 * _PAGE) if run.key == key), None)

    def tasks(self, run: Run) -> list[TaskRun]:
        """Return the tasks of a run."""
        payload = self.request("GET", f"dags/{run.dag}/dagRuns/{run.id}/taskInstances").json()
        return [_task(task) for task in payload["task_instances"]]

    def clear(self, run: Run, *, only_failed: bool = True) -> None:
        """Clear the tasks of a run, so that they run again: those that failed or, unless `only_failed`, all."""
        body = {"dry_run": False, "only_failed": only_failed, "dag_run_id": run.id, "reset_dag_runs": True}
        self.request("POST", f"dags/{run.dag}/clearTaskInstances", json=body)

    def last_error(self, task: TaskRun) -> str:
        """Return the error in the log of a task's latest try, or the last line of the log if it has no error.

        Lines that only open or close a group of lines do not count.
        """
        path = f"dags/{task.dag}/dagRuns/{task.run}/taskInstances/{task.task}/logs/{max(task.tries, 1)}"
        params = {"full_content": True} | ({"map_index": task.index} if task.index >= 0 else {})
        content = self.request("GET", path, params=params, accept=(404,)).json().get("content") or []
        for line in reversed(content):
            if isinstance(line, dict) and line.get("error_detail"):
                error = line["error_detail"][-1]
                return f"{error['exc_type']}: {error['exc_value']}"
        lines = [text for text in map(_log_text, content) if not text.startswith("::")]
        return lines[-1] if lines else "it has no log"

    def approvals(self, run: Run) -> list[PendingApproval]:
        """Return the tasks of a run that wait for an answer."""
        details = self.request("GET", f"dags/{run.dag}/dagRuns/{run.id}/hitlDetails").json()["hitl_details"]
        return [self._approval(detail["task_instance"], detail) for detail in details if _is_waiting(detail)]

    def _approval(self, task: dict[str, Any], detail: dict[str, Any]) -> PendingApproval:
        # A second try keeps the creation time of the first, so we use the time when we first saw this try wait.
        since = self._first_seen.setdefault((task["id"], task["try_number"]), datetime.now(UTC))
        users = tuple(user["id"] for user in detail["assigned_users"])
        return PendingApproval(
            dag=task["dag_id"], run=task["dag_run_id"], task=task["task_id"], users=users, since=since
        )

    def answer(self, approval: PendingApproval, choice: str) -> None:
        """Answer as this user, after waiting until that is safe (`PendingApproval.is_answerable`)."""
        while not approval.is_answerable:
            time.sleep(0.1)
        path = f"dags/{approval.dag}/dagRuns/{approval.run}/taskInstances/{approval.task}/-1/hitlDetails"
        self.request("PATCH", path, json={"chosen_options": [choice], "params_input": {}})

    def set_pool(self, name: str, slots: int, description: str | None = None) -> None:
        """Create a pool, or change its size."""
        body = {"pool": name, "slots": slots, "description": description, "include_deferred": False}
        mask = {"update_mask": ["slots"] if description is None else ["slots", "description"]}
        if self.request("PATCH", f"pools/{name}", params=mask, json=body, accept=(404,)).status_code == 404:
            self.request("POST", "pools", json={"name": name, **{k: v for k, v in body.items() if k != "pool"}})

    def set_variable(self, key: str, value: str) -> None:
        """Create a variable, or change its value."""
        body = {"key": key, "value": value}
        if self.request("PATCH", f"variables/{key}", json=body, accept=(404,)).status_code == 404:
            self.request("POST", "variables", json=body)

    def set_connection(self, fields: dict[str, Any]) -> None:
        """Create or replace a connection."""
        path = f"connections/{fields['connection_id']}"
        if self.request("PATCH", path, json=fields, accept=(404,)).status_code == 404:
            self.request("POST", "connections", json=fields)


def _log_text(line: object) -> str:
    return str(line["event"]) if isinstance(line, dict) and "event" in line else str(line)


def _reason(reply: httpx.Response) -> str:
    try:
        return str(reply.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return reply.text[:300]


def _run(run: dict[str, Any]) -> Run:
    return Run(
        dag=run["dag_id"],
        id=run["dag_run_id"],
        key=run["partition_key"],
        state=run["state"],
        conf=run.get("conf") or {},
    )


def _task(task: dict[str, Any]) -> TaskRun:
    return TaskRun(
        dag=task["dag_id"],
        run=task["dag_run_id"],
        task=task["task_id"],
        state=task["state"],
        tries=task["try_number"],
        started=_parse_time(task["start_date"]),
        ended=_parse_time(task["end_date"]),
        index=task.get("map_index", -1),
    )


def _is_waiting(detail: dict[str, Any]) -> bool:
    return not detail["response_received"] and detail["task_instance"]["state"] == "awaiting_input"


def _parse_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
