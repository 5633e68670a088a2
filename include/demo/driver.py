"""The order of a demo run: a use case's history, its first release, and its nights.

A night is complete before the next one is scored, because the model that scores night N+1 must not depend on the speed
of the machine. Night N+1 is ingested while night N is monitored, but the pool `scoring` gets its slot only when every
run that night N caused has ended.

If the publication gate withholds the scores of a night, the first approver overrides it: the nights are history, and
the demo should show the effect of these scores.

Features are materialized only once, for the last night: the demo sends no requests to a server, and the parity checks
of one night show what they are for.
"""

from collections.abc import Callable, Sequence
from datetime import date

from include.demo import live_day
from include.demo.airflow import CANARY, INTRADAY, MATERIALIZE, Airflow, StageError
from include.platform.local.airflow_client import Client, Run
from include.platform.local.processes import LocalStack
from include.steps import release_state
from include.steps.context import StepContext
from include.stopwatch import Stopwatch
from include.stores import ledger, warehouse
from ml.governance import ledger_entries, ledger_text
from ml.governance.checks import CheckStatus
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import AcceptanceTested, EntryKind
from ml.rollout.state import RolloutState
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
        self._stack, self._client = stack, client
        self._airflow = Airflow(use_case, stack, client)
        self._show = show

    def prepare(self) -> None:
        """Unpause the DAGs, with the canary's if there is a challenger, and retry what failed in an earlier attempt."""
        self._airflow.get_ready()
        self._enable_canary()

    def bootstrap(self) -> None:
        """Ingest the history in one window, then train the first model as of its last night and release it.

        If the gate or the acceptance tests refused the model of an earlier attempt, everything is done again, because
        the files, the declaration or the code may have changed. Raises StageError when the model is refused.
        """
        history = self.use_case.schedule.parse(self.use_case.demo.history)
        last = str(history.last)
        if self._was_refused(last):
            for stage, key in (("ingest", history), ("score", history), ("train", last), ("release", last)):
                self._airflow.supersede(stage, str(key))
        with self.stopwatch("history"):
            self._show(f"history {history} · ingest")
            self._airflow.start("ingest", str(history))
            self._airflow.wait_for("score", str(history))
        with self.stopwatch("first model"):
            self._show(f"first model, as of {last} · train")
            self._airflow.start("train", last, prefix="bootstrap_", reason="bootstrap")
            if not self._follow_training(last) or self._failed_acceptance_tests():
                raise StageError(
                    f"the first model was not released: {self._refusal()}. Correct the data in the landing area, the "
                    "declaration or the code, and repeat the run: it ingests the history and trains again"
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

    def play_live_day(self) -> None:
        """Train and release the model of each live horizon as of the history, and play the live day that is declared.

        Raises StageError when a model is refused, as `bootstrap` does.
        """
        if self.use_case.demo.live_day is None:
            return
        last = str(self.use_case.schedule.parse(self.use_case.demo.history).last)
        for live, model in zip(self.use_case.lives, self.use_case.models[1:], strict=True):
            with self.stopwatch("live models"):
                self._show(f"{model.name}, as of {last} · train")
                airflow = Airflow(model, self._stack, self._client)
                airflow.get_ready(("train", "release"), paused=())
                airflow.start("train", last, prefix="bootstrap_", reason="bootstrap")
                training = airflow.wait_for("train", last)
                if airflow.state(training, _REQUEST_RELEASE) != "success":
                    raise StageError(f"the model of {model.name} was not released: see its card in the reports")
                self._show(f"{model.name}, as of {last} · release")
                airflow.wait_for("release", last)
            with self.stopwatch("live day"):
                self._show(f"{model.name}, {self.use_case.demo.live_day} · answers")
                self._airflow.set_enabled(INTRADAY, enabled=True)
                live_day.play(self.use_case, live, date.fromisoformat(self.use_case.demo.live_day), self._airflow)

    def _was_refused(self, last: str) -> bool:
        """Return whether an earlier attempt trained the first model, and the gate or the acceptance tests refused it."""
        trainings = self._airflow.runs("train", last)
        if not trainings or trainings[0].state != "success":
            return False
        return self._failed_acceptance_tests() or self._airflow.state(trainings[0], _REQUEST_RELEASE) != "success"

    def _score(self, key: str, next_key: str | None) -> None:
        """Score the night, and publish its scores if they are held back; then block scoring and start the next night."""
        self._show(f"night {key} · ingest and score")
        if not self._airflow.has_ended("score", key):
            self._airflow.block_scoring(False)
        run = self._airflow.wait_for("score", key)
        if self._is_held_back(run):
            self._publish_held_back(key)
        self._airflow.block_scoring(True)
        if next_key:
            self._airflow.start("ingest", next_key)

    def _publish_held_back(self, key: str) -> None:
        """Publish scores that are held back by the form, as an approver; raises StageError if they stay held back."""
        who = self.use_case.release.approvers[0]
        self._show(f"night {key} · held back, published by {who}")
        self._airflow.block_scoring(False)
        self._airflow.trigger("score", key, name=f"demo__override_{key}", who=who, why=_OVERRIDE_REASON)
        if self._is_held_back(self._airflow.wait_for("score", key)):
            raise StageError(
                f"the scores of {key} are still held back after the override by {who}: see {self._airflow.logs}"
            )

    def _is_held_back(self, run: Run) -> bool:
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
        if self._rollout().challenger is not None:
            self._airflow.set_enabled(CANARY, enabled=True)

    def _failed_acceptance_tests(self) -> bool:
        """Return whether there is no champion, and the last acceptance tests failed."""
        tested = self._entries(EntryKind.ACCEPTANCE_TESTED)
        failed = bool(tested) and ledger_entries.read(tested[-1], AcceptanceTested).outcome == CheckStatus.FAIL
        return failed and self._rollout().champion is None

    def _rollout(self) -> RolloutState:
        return release_state.current(StepContext(case=self.use_case, settings=self._airflow.settings))

    def _refusal(self) -> str:
        """Return the description of the last verdict or, if they followed it, of its acceptance tests."""
        entries = self._entries(EntryKind.JUDGED, EntryKind.ACCEPTANCE_TESTED)
        return ledger_text.describe(entries[-1]) if entries else "there is no verdict"

    def _entries(self, *kinds: EntryKind) -> tuple[Entry, ...]:
        return ledger.entries_of_kinds(
            warehouse.engine(self._airflow.settings.warehouse_url), self.use_case.name, kinds
        )
