"""The context that all policies of a backtest share, and the record of a policy's simulation."""

from dataclasses import dataclass
from datetime import date

from ml.governance.checks import Check
from ml.promotion.adoption.admission import Admission
from ml.retraining.backtest.history import BacktestHistory, TrainingId
from ml.retraining.backtest.policies import Policy
from ml.retraining.triggers import RetrainingDecision
from ml.training import splitting
from ml.usecase import UseCase
from ml.usecase.periods import Period


@dataclass(frozen=True, kw_only=True)
class BacktestContext:
    """The use case, its rows, the nights to simulate, and whether a challenger must pass the gate.

    `first_candidate` names the candidate of the first model, "" for the backtest's own.
    """

    case: UseCase
    history: BacktestHistory
    period: Period
    use_gate: bool
    first_candidate: str = ""

    @property
    def initial_training_night(self) -> date:
        """The night of the first training: the one before the first simulated night."""
        return self.case.schedule.previous(self.period.first)

    @property
    def initial_training(self) -> TrainingId:
        """The first model's training; with a gate and without a refit, it holds nights out as in production.

        Raises RefusalError if there are too few nights for that.
        """
        night, held_out = self.initial_training_night, 0
        if self.use_gate and self.case.refit is None:
            labelled = self.history.matured_nights(night, self.case.schedule.cutoff(night), self.case.matured_share)
            held_out = splitting.count_holdout(labelled, self.case.gates)
        return TrainingId(night, held_out, self.first_candidate)

    def decision_nights(self, policy: Policy) -> tuple[date, ...]:
        """Return the nights on which a policy decides; the last simulated night is not one: no night follows."""
        if not policy.interval_nights:
            return ()
        count = self.case.schedule.count(self.initial_training_night, self.period.last)
        return tuple(
            self.case.schedule.previous(self.initial_training_night, -offset)
            for offset in range(policy.interval_nights, count, policy.interval_nights)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ChampionTerm:
    """A champion's term: from `first_night` on, the model of `training` scores.

    `is_adopted` is False for the first model, and for a model that was put back by the guard. `admission` is the
    evidence on which the gate admitted it, if there is a gate.
    """

    first_night: date
    training: TrainingId
    is_adopted: bool = True
    admission: Admission | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Intervention:
    """An intervention of the guard (`ml.promotion.adoption.guard`) as of `night`, and why.

    `ends_adoption` is whether nothing is adopted unproven after it.
    """

    night: date
    reason: str
    ends_adoption: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionRecord:
    """A policy's decision on a night, and the outcome for the model that it requested; "" if it requested none.

    `failed_checks` names the gate's checks that the model did not pass. `refresh` is the training that would be
    released, None if there is none; `admission` is the evidence on which it was admitted, and `evidence` that of its
    recipe. `agreement` has the checks that the refit agrees with the judged model.
    """

    night: date
    decision: RetrainingDecision
    outcome: str = ""
    reason: str = ""
    failed_checks: tuple[str, ...] = ()
    refresh: TrainingId | None = None
    admission: Admission | None = None
    evidence: float | None = None
    agreement: tuple[Check, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyRun:
    """The simulation of a policy so far: its champions and decisions, oldest first."""

    policy: Policy
    champion_terms: tuple[ChampionTerm, ...]
    records: tuple[DecisionRecord, ...] = ()
    interventions: tuple[Intervention, ...] = ()

    @property
    def training_count(self) -> int:
        """The number of models requested after the first."""
        return sum(record.decision.retrain for record in self.records)

    @property
    def release_count(self) -> int:
        """The number of models that were adopted after the first."""
        return sum(term.is_adopted for term in self.champion_terms)
