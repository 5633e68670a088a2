"""The order of a rehearsal: a use case's history, its first release, and its nights, each over before the next is scored.

Which model scores night N+1 must not depend on how fast the machine is. Night N+1 is ingested while N is monitored, but
the pool `scoring` has a slot only when everything that N has led to has ended.

A night whose scores are withheld is let go by the first of the approvers: what is played is history, and what would have come
of those scores is worth knowing.

The feature store is brought online once, for the last night: nothing that is played asks it anything, and two imports of
Feast a night would be most of what a night costs.
"""

from collections.abc import Callable, Sequence
from datetime import date

from include.demo.airflow import CANARY, MATERIALIZE, Airflow, StageError
from include.platform.local.airflow_client import Client, Run
from include.platform.local.processes import LocalStack
from include.steps import release_state
from include.stopwatch import Stopwatch
from include.stores import ledger, warehouse
from ml.governance import ledger_text
from ml.governance.hash_chain import Entry
from ml.usecase import UseCase

_OVERRIDE_REASON = "played from history, to see what comes of them"


class DemoRun:
    """One use case's rehearsal of some of its nights, in order, on a running, healthy stack."""

    def __init__(
        self,
        use_case: UseCase,
        stack: LocalStack,
        client: Client,
        show: Callable[[str], None],
        nights: Sequence[date],
    ) -> None:
        self.use_case = use_case
        self.nights = nights
        self.stopwatch = Stopwatch()
        self._airflow = Airflow(use_case, stack, client)
        self._show = show

    def prepare(self) -> None:
        """Let the DAGs start, a challenger that is under way be judged, and take up again what an earlier attempt left."""
        self._airflow.get_ready()
        self._enable_canary()

    def bootstrap(self) -> None:
        """Ingest the history in one window, then train the first model as of its last night and release it."""
        history = self.use_case.horizon.parse(self.use_case.demo.history)
        with self.stopwatch("history"):
            self._show(f"history {history} · ingest")
            self._airflow.start("ingest", str(history))
            self._airflow.wait_for("score", str(history))
        last = str(history.last)
        with self.stopwatch("first model"):
            self._show(f"first model, as of {last} · train")
            self._train_first(last)
            if not self._follow_training(last) or self._failed_acceptance_tests():
                raise StageError(
                    f"the first model was not let in: {self._refusal()}. Mend that, take the history again if its files or "
                    f"contract changed (ratchet ingest {self.use_case.name} {history}), and run this again"
                )

    def run_nights(self, on_night_done: Callable[[str], None]) -> None:
        """Play the nights in order; each is over when all that it led to is over."""
        keys = [str(night) for night in self.nights]
        self._airflow.block_scoring(True)
        self._airflow.start("ingest", keys[0])
        for key, next_key in zip(keys, [*keys[1:], None], strict=True):
            with self.stopwatch("nights"):
                self._score(key, next_key)
                self._show(f"night {key} · monitor")
                monitoring = self._airflow.wait_for("monitor", key)
            if self._airflow.state(monitoring, "request_retraining") == "success":
                with self.stopwatch("retraining"):
                    self._show(f"night {key} · retrain")
                    self._follow_training(key)
            on_night_done(key)
        self._airflow.block_scoring(False)

    def materialize_last_night(self) -> None:
        """Materialize the last night's features and compare every way to them."""
        key = str(self.nights[-1])
        with self.stopwatch("feature store"):
            self._show(f"night {key} · {MATERIALIZE}")
            self._airflow.set_enabled(MATERIALIZE, enabled=True)
            self._airflow.start(MATERIALIZE, key)
            self._airflow.wait_for(MATERIALIZE, key)

    def _train_first(self, last: str) -> None:
        """Start the first training, or another one when the one before was refused; one that goes on is left alone."""
        earlier_runs = self._airflow.runs("train", last)
        if earlier_runs and not (
            earlier_runs[0].state == "success" and self._airflow.state(earlier_runs[0], "request_release") != "success"
        ):
            return
        name = f"rehearsal__bootstrap_{last}" + (f"_{len(earlier_runs) + 1}" if earlier_runs else "")
        self._airflow.trigger("train", last, name=name, reason="bootstrap")

    def _score(self, key: str, next_key: str | None) -> None:
        """Let the night be scored, and let go when it is withheld; then take the slot away and start on the next night."""
        self._show(f"night {key} · ingest and score")
        if not self._airflow.has_ended("score", key):
            self._airflow.block_scoring(False)
        run = self._airflow.wait_for("score", key)
        if self._is_held_back(run):
            self._override_held_back(key)
        self._airflow.block_scoring(True)
        if next_key:
            self._airflow.start("ingest", next_key)

    def _override_held_back(self, key: str) -> None:
        """Ask for the withheld scores to be issued as they are, as a person by the form; raises StageError when they are not."""
        who = self.use_case.release.approvers[0]
        self._show(f"night {key} · withheld, let go by {who}")
        self._airflow.block_scoring(False)
        self._airflow.trigger("score", key, name=f"rehearsal__let_go_{key}", who=who, why=_OVERRIDE_REASON)
        if self._is_held_back(self._airflow.wait_for("score", key)):
            raise StageError(f"the scores of {key} are withheld though {who} let them go: see {self._airflow.logs}")

    def _is_held_back(self, run: Run) -> bool:
        return self._airflow.state(run, "score") == "skipped"

    def _follow_training(self, key: str) -> bool:
        """Wait for a training and, when its challenger earned a release, approve that, wait for its end, return True."""
        training = self._airflow.wait_for("train", key)
        if self._airflow.state(training, "request_release") != "success":
            return False
        self._show(f"night {key} · release")
        self._airflow.wait_for("release", key)
        self._enable_canary()
        return True

    def _enable_canary(self) -> None:
        """Let a challenger that is under way be judged after every night from now on."""
        if release_state.current(self.use_case, self._airflow.settings).challenger is not None:
            self._airflow.set_enabled(CANARY, enabled=True)

    def _failed_acceptance_tests(self) -> bool:
        """Whether a package was tested, and none became champion."""
        rollout_state = release_state.current(self.use_case, self._airflow.settings)
        return bool(self._entries("tested")) and rollout_state.champion is None

    def _refusal(self) -> str:
        """Return what the last verdict or, where one followed, its battery said."""
        entries = self._entries("judged", "tested")
        return ledger_text.describe(entries[-1]) if entries else "there is no verdict"

    def _entries(self, *kinds: str) -> tuple[Entry, ...]:
        return ledger.entries_of_kinds(
            warehouse.engine(self._airflow.settings.warehouse_url), self.use_case.name, kinds
        )
