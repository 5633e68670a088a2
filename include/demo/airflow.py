"""Trigger, watch and approve the DAG runs of one use case through Airflow's REST API."""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from include.patience import Patience
from include.platform.local.airflow_client import Client, Run
from include.platform.local.processes import LocalStack
from include.settings import Settings
from ml.errors import RatchetError, SetupError
from ml.usecase import UseCase

STAGES = ("ingest", "score", "monitor", "train", "release")
CANARY, MATERIALIZE, INTRADAY = "canary", "materialize", "intraday"
_WATCHED_STAGES = (*STAGES, CANARY, MATERIALIZE)
_POLL_SECONDS = 0.25
_FORMER_TASKS = {"request_retraining": "ask", "request_release": "hand_over"}
_TIMEOUT_SECONDS = 1800.0
_RUN_LIMIT = 100_000

Result = TypeVar("Result")


class StageError(RatchetError):
    """A task failed after its last retry; the message names the task, its error and its log."""


class Airflow:
    """The DAGs of `use_case` on a running stack, by stage and partition key, with the last seen state of their runs."""

    def __init__(self, use_case: UseCase, stack: LocalStack, client: Client) -> None:
        self.use_case = use_case
        self._stack = stack
        self._client = client
        self._slots: int | None = None
        self._runs: dict[tuple[str, str | None], Run] = {}
        self._superseded: dict[tuple[str, str | None], frozenset[str]] = {}

    @property
    def settings(self) -> Settings:
        """The settings of the stack."""
        return self._stack.settings

    @property
    def logs(self) -> Path:
        """The folder with the logs of the tasks."""
        return self.settings.airflow_home / "logs"

    def get_ready(self, stages: Sequence[str] = STAGES, paused: Sequence[str] = (CANARY, MATERIALIZE)) -> None:
        """Wait until the DAG files are parsed, unpause `stages`, pause `paused`, and clear failed tasks of an earlier run."""
        watched = {self._dag(stage) for stage in (*stages, *paused)}
        # Runs of an earlier attempt may have failed: they are looked at only after they were cleared.
        self._poll(lambda: watched <= self._parsed_dags() or None, "the DAG files to be parsed", refresh=False)
        for stage in (*stages, *paused):
            self.set_enabled(stage, enabled=stage in stages)
        for run in list(self._client.runs(limit=_RUN_LIMIT)):
            if run.dag in watched:
                if run.state == "failed":
                    # A training needs the code as it was when it began, and it may have been corrected since.
                    self._client.clear(run, only_failed=run.dag != self._dag("train"))
                else:
                    self._runs.setdefault((run.dag, run.key), run)

    def set_enabled(self, stage: str, *, enabled: bool) -> None:
        """Unpause or pause the DAG of the stage."""
        self._client.pause(self._dag(stage), paused=not enabled)

    def start(self, stage: str, key: str, *, prefix: str = "", **form: str) -> None:
        """Start the run of the stage for `key` with the fields of its form, unless it exists."""
        if (self._dag(stage), key) not in self._runs:
            attempt = len(self._superseded.get((self._dag(stage), key), ())) + 1
            name = f"demo__{prefix}{key.replace('..', '_to_')}" + (f"_{attempt}" if attempt > 1 else "")
            self._remember(self._client.trigger(self._dag(stage), run=name, key=key, conf=form))

    def supersede(self, stage: str, key: str) -> None:
        """Ignore the runs of the stage for `key` so far: `start` starts another one, and `wait_for` waits for it."""
        self._superseded[self._dag(stage), key] = frozenset(run.id for run in self.runs(stage, key))
        self._runs.pop((self._dag(stage), key), None)

    def trigger(self, stage: str, key: str, *, name: str, who: str | None = None, **form: str) -> None:
        """Start another run of the stage for `key` with the fields of its form, as `who` or as the administrator."""
        with Client(self.settings, who) if who else nullcontext(self._client) as client:
            self._remember(client.trigger(self._dag(stage), run=name, key=key, conf=form))

    def refresh_live(self, moment: datetime) -> None:
        """Run the DAG `intraday` for a moment in the time of the data, also if it ran; raises StageError when it fails."""
        dag, name = self._dag(INTRADAY), f"demo__live_{moment:%Y-%m-%dT%H%M}"
        before = self._client.trigger(dag, run=name, conf={"moment": moment.isoformat()})
        if before.ended:
            self._client.clear(before, only_failed=False)

        def ended() -> Run | None:
            return next((run for run in self._client.runs(dag) if run.id == name and run.ended), None)

        run = self._poll(ended, f"{INTRADAY} of {moment}", refresh=False)
        if run.state == "failed":
            raise StageError(self._describe_failure(run))

    def block_scoring(self, blocked: bool) -> None:
        """Set the pool `scoring` to no slots, or back to one."""
        slots = 0 if blocked else 1
        if slots != self._slots:
            self._client.set_pool("scoring", slots)
            self._slots = slots

    def has_ended(self, stage: str, key: str) -> bool:
        """Return whether the run of the stage for `key` has succeeded; raises StageError when it failed."""
        return self._ended(stage, key) is not None

    def wait_for(self, stage: str, key: str) -> Run:
        """Wait for the run of the stage for `key` and return it; raises StageError when it failed."""
        return self._poll(lambda: self._ended(stage, key), f"{stage} of {key}")

    def runs(self, stage: str, key: str) -> list[Run]:
        """Return all runs of the stage for `key`, newest first."""
        return [run for run in self._client.runs(limit=_RUN_LIMIT) if (run.dag, run.key) == (self._dag(stage), key)]

    def state(self, run: Run, task: str) -> str | None:
        """Return the state of a task of the run; runs from before an upgrade have the task under its former name."""
        names = (task, _FORMER_TASKS.get(task))
        return next(each for each in self._client.tasks(run) if each.task in names).state

    def _ended(self, stage: str, key: str) -> Run | None:
        run = self._runs.get((self._dag(stage), key))
        if run is not None and run.state == "failed":
            raise StageError(self._describe_failure(run))
        return run if run is not None and run.ended else None

    def _poll(self, probe: Callable[[], Result | None], description: str, *, refresh: bool = True) -> Result:
        """Call `probe` until it returns a result; between the calls, check the stack and, if `refresh`, the runs."""
        patience = Patience(_TIMEOUT_SECONDS)
        while (result := probe()) is None:
            self._stack.check_alive()
            if patience.is_spent():
                raise SetupError(f"timed out, waiting for {description}: {patience} without success: see {self.logs}")
            time.sleep(_POLL_SECONDS)
            if refresh:
                self._refresh()
        return result

    def _refresh(self) -> None:
        for run in reversed(list(self._client.runs(limit=20))):
            self._remember(run)
            if run.state == "failed" and run.dag in {self._dag(stage) for stage in _WATCHED_STAGES}:
                raise StageError(self._describe_failure(run))
            if run.dag == self._dag("release") and not run.ended:
                self._approve(run)

    def _remember(self, run: Run) -> None:
        if run.id not in self._superseded.get((run.dag, run.key), ()):
            self._runs[run.dag, run.key] = run

    def _approve(self, run: Run) -> None:
        for approval in self._client.approvals(run):
            if approval.is_answerable:
                with Client(self.settings, approval.users[0]) as approver:
                    approver.answer(approval, "Approve")

    def _dag(self, stage: str) -> str:
        return f"{self.use_case.name}_{stage}"

    def _parsed_dags(self) -> set[str]:
        for file, trace in self._client.import_errors().items():
            if Path(file).stem in _WATCHED_STAGES:
                raise SetupError(f"the DAG file {file} cannot be imported: {trace.strip().splitlines()[-1]}")
        return {dag.id for dag in self._client.dags().values() if dag.parsed_at >= self._stack.started}

    def _describe_failure(self, run: Run) -> str:
        failed = next((task for task in self._client.tasks(run) if task.state == "failed"), None)
        if failed is None:
            return f"{run.dag} failed for {run.key} without a failed task: see {self.logs}"
        log = (
            self.logs
            / f"dag_id={run.dag}"
            / f"run_id={run.id}"
            / f"task_id={failed.task}"
            / (f"map_index={failed.index}" if failed.index >= 0 else "")
            / f"attempt={failed.tries}.log"
        )
        return f"{run.dag}, task {failed.task}, {run.key}: {self._client.last_error(failed)}\nlog: {log}"
