"""The driver of `make run`: a use case's history, its first release, and its nights, through the real scheduler.

It only asks Airflow, as people and the clock would: it starts nights, waits for what follows from them, and answers
as the demo users. Every run has a name of its own, so that a rehearsal that was stopped goes on where it was.

Which model scores night N+1 must not depend on how fast the machine is. Night N+1 is ingested while N is monitored, but
the pool `scoring` has a slot only when everything that N has led to has ended.

A night whose scores are withheld is let go by the first of the approvers: what is played is history, in which a night that
is like none before was the world's doing.

The feature store is brought online once, for the last night: nothing that is played asks it anything, and two imports of
Feast a night would be most of what a night costs.
"""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from types import FrameType
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from include import settings as places
from include.settings import Settings
from include.stack import processes
from include.stack.client import Client, Run, TaskRun
from include.stack.processes import Stack
from include.steps import standing
from include.stopwatch import Stopwatch
from include.stores import ledger, warehouse
from ml import decisions
from ml.chain import Entry
from ml.errors import RatchetError, SetupError
from ml.nights import Period
from ml.usecase import UseCase

STAGES = ("ingest", "score", "monitor", "train", "release")
CANARY, AFTERWARDS = "canary", "materialize"
_POLL_SECONDS = 0.25
_PATIENCE_SECONDS = 1800.0
_WHY = "played from history as it was: the world changed"
_COMPONENTS = [name for name in processes.AIRFLOW if name != "triggerer"]

Answer = TypeVar("Answer")


class StageError(RatchetError):
    """A task failed for good; the text names it, its last words, and its log."""


class Rehearsal:
    """One use case's rehearsal of some of its nights, in order, on a running, healthy stack."""

    def __init__(
        self,
        use_case: UseCase,
        stack: Stack,
        client: Client,
        show: Callable[[str], None],
        nights: Sequence[date],
    ) -> None:
        self.use_case = use_case
        self.nights = nights
        self.watch = Stopwatch()
        self._stack = stack
        self._client = client
        self._show = show
        self._slots: int | None = None
        self._runs: dict[tuple[str, str | None], Run] = {}

    def get_ready(self) -> None:
        """Wait until the DAGs are read anew, let them start, and take up again what failed in an earlier attempt."""
        wanted = {self._dag(stage) for stage in (*STAGES, CANARY, AFTERWARDS)}
        self._until(lambda: wanted <= self._dags_read() or None, "the DAG files to be read")
        for dag in wanted:
            self._client.pause(dag, paused=dag in (self._dag(CANARY), self._dag(AFTERWARDS)))
        self._judge_a_canary()
        for run in list(self._client.runs(limit=100_000)):
            if run.dag in wanted:
                if run.state == "failed":
                    self._client.clear_failed(run)
                else:
                    self._runs.setdefault((run.dag, run.key), run)

    def learn_history(self) -> None:
        """Ingest the history in one window, then train the first model as of its last night and release it."""
        history = self.use_case.horizon.parse(self.use_case.rehearsal.history)
        with self.watch("history"):
            self._show(f"history {history} · ingest")
            self._ingest(str(history))
            self._wait_for("score", str(history))
        last = str(history.last)
        with self.watch("first model"):
            self._show(f"first model, as of {last} · train")
            self._train_first(last)
            if not self._follow_training(last) or self._is_held_by_its_battery():
                raise StageError(
                    f"the first model was not let in: {self._refusal()}. Mend that, take the history again if its files or "
                    f"contract changed (ratchet ingest {self.use_case.name} {history}), and run this again"
                )

    def play(self, done: Callable[[str], None]) -> None:
        """Play the nights in order; each is over when all that it led to is over."""
        keys = [str(night) for night in self.nights]
        self._hold(True)
        self._ingest(keys[0])
        for key, following in zip(keys, [*keys[1:], None], strict=True):
            with self.watch("nights"):
                self._score(key, following)
                self._show(f"night {key} · monitor")
                monitoring = self._wait_for("monitor", key)
            if self._task(monitoring, "ask").state == "success":
                with self.watch("retraining"):
                    self._show(f"night {key} · retrain")
                    self._follow_training(key)
            done(key)
        self._hold(False)

    def bring_online(self) -> None:
        """Materialize the last night's features and compare every way to them."""
        key = str(self.nights[-1])
        with self.watch("feature store"):
            self._show(f"night {key} · {AFTERWARDS}")
            self._client.pause(self._dag(AFTERWARDS), paused=False)
            self._start(AFTERWARDS, key)
            self._wait_for(AFTERWARDS, key)

    def _train_first(self, last: str) -> None:
        """Start the first training, or another one when the one before was refused; one that goes on is left alone."""
        before = [run for run in self._client.runs(limit=100_000) if (run.dag, run.key) == (self._dag("train"), last)]
        if before and not (before[0].state == "success" and self._task(before[0], "hand_over").state != "success"):
            return
        name = f"rehearsal__bootstrap_{last}" + (f"_{len(before) + 1}" if before else "")
        run = self._client.trigger(self._dag("train"), run=name, key=last, conf={"reason": "bootstrap"})
        self._runs[run.dag, run.key] = run

    def _score(self, key: str, following: str | None) -> None:
        """Let the night be scored, and let go when it is withheld; then take the slot away and start on the next night."""
        self._show(f"night {key} · ingest and score")
        if self._ended(self._run("score", key)) is None:
            self._hold(False)
        run = self._wait_for("score", key)
        if self._is_withheld(run):
            self._let_go(key)
        self._hold(True)
        if following:
            self._ingest(following)

    def _let_go(self, key: str) -> None:
        """Ask for the withheld scores to be issued as they are, as a person by the form; raises StageError when they are not."""
        who = self.use_case.release.approvers[0]
        self._show(f"night {key} · withheld, let go by {who}")
        self._hold(False)
        with Client(self._stack.settings, who) as person:
            run = person.trigger(self._dag("score"), run=f"rehearsal__let_go_{key}", key=key, conf={"why": _WHY})
        self._runs[run.dag, run.key] = run
        if self._is_withheld(self._wait_for("score", key)):
            raise StageError(f"the scores of {key} are withheld though {who} let them go: see {self._logs()}")

    def _is_withheld(self, run: Run) -> bool:
        return self._task(run, "score").state == "skipped"

    def _follow_training(self, key: str) -> bool:
        """Wait for a training and, when its challenger earned a release, approve that, wait for its end, return True."""
        training = self._wait_for("train", key)
        if self._task(training, "hand_over").state != "success":
            return False
        self._show(f"night {key} · release")
        self._wait_for("release", key)
        self._judge_a_canary()
        return True

    def _judge_a_canary(self) -> None:
        """Let a challenger that is under way be judged after every night from now on."""
        if standing.now(self.use_case, self._stack.settings).trial is not None:
            self._client.pause(self._dag(CANARY), paused=False)

    def _is_held_by_its_battery(self) -> bool:
        """Whether a package was tested, and none became champion."""
        stood = standing.now(self.use_case, self._stack.settings)
        return bool(self._entries("tested")) and stood.champion is None

    def _refusal(self) -> str:
        """Return what the last verdict or, where one followed, its battery said."""
        told = self._entries("judged", "tested")
        return decisions.told(told[-1]) if told else "there is no verdict"

    def _entries(self, *kinds: str) -> tuple[Entry, ...]:
        return ledger.of_kinds(warehouse.engine(self._stack.settings.warehouse_url), self.use_case.name, kinds)

    def _approve(self, run: Run) -> None:
        for approval in self._client.approvals(run):
            if approval.settled:
                with Client(self._stack.settings, approval.users[0]) as approver:
                    approver.answer(approval, "Approve")

    def _ingest(self, key: str) -> None:
        self._start("ingest", key)

    def _start(self, stage: str, key: str) -> None:
        if (self._dag(stage), key) not in self._runs:
            run = self._client.trigger(self._dag(stage), run=f"rehearsal__{key.replace('..', '_to_')}", key=key)
            self._runs[run.dag, run.key] = run

    def _hold(self, hold: bool) -> None:
        """Take the slot of the pool `scoring` away, or give it back."""
        slots = 0 if hold else 1
        if slots != self._slots:
            self._client.set_pool("scoring", slots)
            self._slots = slots

    def _wait_for(self, stage: str, key: str) -> Run:
        return self._until(lambda: self._ended(self._run(stage, key)), f"{stage} of {key}")

    def _ended(self, run: Run | None) -> Run | None:
        """Return the run once it ended well; raises StageError when it did not."""
        if run is not None and run.state == "failed":
            raise StageError(self._explain(run))
        return run if run is not None and run.ended else None

    def _until(self, ask: Callable[[], Answer | None], what: str) -> Answer:
        """Return the first answer of `ask`, while the stack is alive and the runs known are fresh."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (answer := ask()) is None:
            self._stack.require_alive()
            if time.monotonic() > deadline:
                raise SetupError(f"waited {_PATIENCE_SECONDS / 60:.0f} minutes in vain for {what}: see {self._logs()}")
            time.sleep(_POLL_SECONDS)
            self._refresh()
        return answer

    def _refresh(self) -> None:
        for run in reversed(list(self._client.runs(limit=20))):
            self._runs[run.dag, run.key] = run
            if run.state == "failed" and run.dag in {self._dag(stage) for stage in (*STAGES, CANARY, AFTERWARDS)}:
                raise StageError(self._explain(run))
            if run.dag == self._dag("release") and not run.ended:
                self._approve(run)

    def _run(self, stage: str, key: str) -> Run | None:
        return self._runs.get((self._dag(stage), key))

    def _task(self, run: Run, name: str) -> TaskRun:
        return next(task for task in self._client.tasks(run) if task.task == name)

    def _dag(self, stage: str) -> str:
        return f"{self.use_case.name}_{stage}"

    def _dags_read(self) -> set[str]:
        for file, trace in self._client.import_errors().items():
            if Path(file).stem in (*STAGES, CANARY, AFTERWARDS):
                raise SetupError(f"the DAG file {file} cannot be read: {trace.strip().splitlines()[-1]}")
        return {dag.id for dag in self._client.dags().values() if dag.read >= self._stack.started}

    def _logs(self) -> Path:
        return self._stack.settings.airflow_home / "logs"

    def _explain(self, run: Run) -> str:
        failed = next((task for task in self._client.tasks(run) if task.state == "failed"), None)
        if failed is None:
            return f"{run.dag} failed for {run.key} without a failed task: see {self._logs()}"
        log = (
            self._logs()
            / f"dag_id={run.dag}"
            / f"run_id={run.id}"
            / f"task_id={failed.task}"
            / (f"map_index={failed.index}" if failed.index >= 0 else "")
            / f"attempt={failed.tries}.log"
        )
        return f"{run.dag}, task {failed.task}, {run.key}: {self._client.last_error(failed)}\nlog: {log}"


def played(use_case: UseCase, until: date | None = None) -> Period:
    """Return the nights that the rehearsal plays one by one, after its history: the declared ones, or those up to `until`.

    Raises RequestError when `until` lies before them.
    """
    declared = use_case.horizon.parse(use_case.rehearsal.nights)
    return declared if until is None else use_case.horizon.parse(str(Period(declared.first, until)))


def run(
    use_case: UseCase, console: Console, settings: Settings | None = None, period: Period | None = None
) -> dict[str, float]:
    """Return the seconds that each part of a use case's rehearsal took; the stack is gone afterwards, come what may.

    It plays the nights of `period`, or the declared ones.

    Raises SetupError when the machine does not offer what is needed, StageError when a task failed for good.
    """
    settings = settings or places.load()
    begun, nights = datetime.now(UTC), use_case.horizon.nights(period or played(use_case))
    with _progress(console) as progress, _ending_by_signal():
        bar = progress.add_task("starting", total=len(nights))

        def show(text: str) -> None:
            if not console.is_terminal and progress.tasks[bar].description != text:
                console.print(f"{(datetime.now(UTC) - begun).total_seconds():6.1f} s  {text}", highlight=False)
            progress.update(bar, description=text)

        show("Airflow starts")
        stack = processes.start(settings, schedules=False, components=_COMPONENTS)
        try:
            stack.wait_until_healthy()
            with Client(settings) as client:
                rehearsal = Rehearsal(use_case, stack, client, show, nights)
                rehearsal.get_ready()
                started = (datetime.now(UTC) - begun).total_seconds()
                rehearsal.learn_history()
                rehearsal.play(lambda _: progress.advance(bar))
                rehearsal.bring_online()
        finally:
            show("Airflow stops")
            with _deaf():
                stack.stop()
    whole = (datetime.now(UTC) - begun).total_seconds()
    return {"start": started, **rehearsal.watch.seconds, "whole": whole}


def _progress(console: Console) -> Progress:
    text = TextColumn("{task.description}")
    return Progress(SpinnerColumn(), text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console)


@contextmanager
def _ending_by_signal() -> Iterator[None]:
    """Let SIGTERM end this process the way Ctrl-C does: through every `finally`."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _deaf() -> Iterator[None]:
    """Let nothing interrupt the ending itself."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
