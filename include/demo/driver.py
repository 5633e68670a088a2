"""The order of a demo run: a use case's history, its first release, and its nights.

A night is complete before the next one is scored, because the model that scores night N+1 must not depend on the speed
of the machine. Night N+1 is ingested while night N is monitored, but the pool `scoring` gets its slot only when every
run that night N caused has ended.

If the publication gate withholds the scores of a night, the first approver overrides it: the nights are history, and
the demo should show the effect of these scores.

Features are materialized only once, for the last night: the demo sends no requests to a server, and the parity checks of
one night show what they are for.
"""

from collections.abc import Callable, Sequence
from datetime import date

from include.demo.airflow import CANARY, MATERIALIZE, Airflow, StageError
from include.platform.local.airflow_client import Client, Run
from include.platform.local.processes import LocalStack
from include.steps import release_state
from include.steps.context import StepContext
from include.stopwatch import Stopwatch
from include.stores import ledger, warehouse
from ml.governance import ledger_text
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind
from ml.usecase import UseCase

_OVERRIDE_REASON = "demo run on history, to see the effect of these scores"
_REQUEST_RETRAINING, _REQUEST_RELEASE = "request_retraining", "request_release"  # the last tasks of monitor and train


class DemoRun:
    """The demo run of one use case over `nights`, in order, on a running and healthy stack."""

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
        """Unpause the DAGs, with the canary's if there is a challenger, and retry what failed in an earlier attempt."""
        self._airflow.get_ready()
        self._enable_canary()

    def bootstrap(self) -> None:
        """Ingest the history in one window, then train the first model as of its last night and release it.

        Raises StageError when the gate or the acceptance tests refuse the model.
        """
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
                    f"the first model was not released: {self._refusal()}. Fix the cause, ingest the history again if "
                    f"its files or contract changed (ratchet ingest {self.use_case.name} {history}), and repeat the run"
                )

    def run_nights(self, on_night_done: Callable[[str], None]) -> None:
        """Run the nights in order; a night is complete when all runs that it caused have ended."""
        keys = [str(night) for night in self.nights]
        self._airflow.block_scoring(True)
        self._airflow.start("ingest", keys[0])
        for key, next_key in zip(keys, [*keys[1:], None], strict=True):
            with self.stopwatch("nights"):
                self._score(key, next_key)
                self._show(f"night {key} · monitor")
                monitoring = self._airflow.wait_for("monitor", key)
            if self._airflow.state(monitoring, _REQUEST_RETRAINING) == "success":
                with self.stopwatch("retraining"):
                    self._show(f"night {key} · retrain")
                    self._follow_training(key)
            on_night_done(key)
        self._airflow.block_scoring(False)

    def materialize_last_night(self) -> None:
        """Materialize the features of the last night, which also runs the parity checks."""
        key = str(self.nights[-1])
        with self.stopwatch("feature store"):
            self._show(f"night {key} · {MATERIALIZE}")
            self._airflow.set_enabled(MATERIALIZE, enabled=True)
            self._airflow.start(MATERIALIZE, key)
            self._airflow.wait_for(MATERIALIZE, key)

    def _train_first(self, last: str) -> None:
        """Start the first training, or another one if the last was refused; do nothing while one runs."""
        earlier_runs = self._airflow.runs("train", last)
        if earlier_runs and not (
            earlier_runs[0].state == "success" and self._airflow.state(earlier_runs[0], _REQUEST_RELEASE) != "success"
        ):
            return
        name = f"demo__bootstrap_{last}" + (f"_{len(earlier_runs) + 1}" if earlier_runs else "")
        self._airflow.trigger("train", last, name=name, reason="bootstrap")

    def _score(self, key: str, next_key: str | None) -> None:
        """Score the night, and publish its scores if they are withheld; then block scoring and start the next night."""
        self._show(f"night {key} · ingest and score")
        if not self._airflow.has_ended("score", key):
            self._airflow.block_scoring(False)
        run = self._airflow.wait_for("score", key)
        if self._is_withheld(run):
            self._publish_withheld(key)
        self._airflow.block_scoring(True)
        if next_key:
            self._airflow.start("ingest", next_key)

    def _publish_withheld(self, key: str) -> None:
        """Publish withheld scores by the form, as an approver; raises StageError if they stay withheld."""
        who = self.use_case.release.approvers[0]
        self._show(f"night {key} · withheld, published by {who}")
        self._airflow.block_scoring(False)
        self._airflow.trigger("score", key, name=f"demo__override_{key}", who=who, why=_OVERRIDE_REASON)
        if self._is_withheld(self._airflow.wait_for("score", key)):
            raise StageError(
                f"the scores of {key} are still withheld after the override by {who}: see {self._airflow.logs}"
            )

    def _is_withheld(self, run: Run) -> bool:
        return self._airflow.state(run, "score") == "skipped"

    def _follow_training(self, key: str) -> bool:
        """Wait for the training, and for the release if there is one; return whether there was a release."""
        training = self._airflow.wait_for("train", key)
        if self._airflow.state(training, _REQUEST_RELEASE) != "success":
            return False
        self._show(f"night {key} · release")
        self._airflow.wait_for("release", key)
        self._enable_canary()
        return True

    def _enable_canary(self) -> None:
        """Unpause the canary's DAG if a challenger is deployed, so that it is judged after every night."""
        if (
            release_state.current(StepContext(case=self.use_case, settings=self._airflow.settings)).challenger
            is not None
        ):
            self._airflow.set_enabled(CANARY, enabled=True)

    def _failed_acceptance_tests(self) -> bool:
        """Return whether acceptance tests ran and there is still no champion."""
        rollout_state = release_state.current(StepContext(case=self.use_case, settings=self._airflow.settings))
        return bool(self._entries(EntryKind.ACCEPTANCE_TESTED)) and rollout_state.champion is None

    def _refusal(self) -> str:
        """Return the description of the last verdict or, if they followed it, of its acceptance tests."""
        entries = self._entries(EntryKind.JUDGED, EntryKind.ACCEPTANCE_TESTED)
        return ledger_text.describe(entries[-1]) if entries else "there is no verdict"

    def _entries(self, *kinds: EntryKind) -> tuple[Entry, ...]:
        return ledger.entries_of_kinds(
            warehouse.engine(self._airflow.settings.warehouse_url), self.use_case.name, kinds
        )
