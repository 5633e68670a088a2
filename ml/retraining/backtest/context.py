"""What every policy meets, and what is kept of its way: looks, reigns, and the walk that they make."""

from dataclasses import dataclass
from datetime import date

from ml.retraining.backtest.history import BacktestHistory
from ml.retraining.backtest.policies import Policy
from ml.retraining.triggers import RetrainingDecision
from ml.usecase import UseCase
from ml.usecase.periods import Period


@dataclass(frozen=True, kw_only=True)
class BacktestContext:
    """What every policy meets: the use case, its rows, the nights to walk, and whether a gate stands before a release."""

    case: UseCase
    history: BacktestHistory
    period: Period
    use_gate: bool

    @property
    def initial_training_night(self) -> date:
        """The night as of which the first model is trained: the one before the first that is walked."""
        return self.case.horizon.previous(self.period.first)

    def decision_nights(self, policy: Policy) -> tuple[date, ...]:
        """Return the nights that a policy looks at; on the last one nothing is to be gained any more."""
        if not policy.interval_nights:
            return ()
        count = self.case.horizon.count(self.initial_training_night, self.period.last)
        return tuple(
            self.case.horizon.previous(self.initial_training_night, -offset)
            for offset in range(policy.interval_nights, count, policy.interval_nights)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ChampionTerm:
    """From the night `since` on the model of `trained` answers."""

    first_night: date
    trained_night: date


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionRecord:
    """What a policy decided on a night, and what became of the model it asked for; "" where it asked for none.

    `failed` names the checks of the gate that it did not pass.
    """

    night: date
    decision: RetrainingDecision
    outcome: str = ""
    reason: str = ""
    failed_checks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyRun:
    """A policy's way so far; the oldest look and reign first."""

    policy: Policy
    champion_terms: tuple[ChampionTerm, ...]
    records: tuple[DecisionRecord, ...] = ()

    @property
    def training_count(self) -> int:
        """How many models were asked for after the first."""
        return sum(record.decision.retrain for record in self.records)

    @property
    def release_count(self) -> int:
        """How many of them were let in."""
        return len(self.champion_terms) - 1
