"""The context that all policies of a backtest share, and the record of a policy's simulation."""

from dataclasses import dataclass
from datetime import date

from ml.retraining.backtest.history import BacktestHistory
from ml.retraining.backtest.policies import Policy
from ml.retraining.triggers import RetrainingDecision
from ml.usecase import UseCase
from ml.usecase.periods import Period


@dataclass(frozen=True, kw_only=True)
class BacktestContext:
    """The use case, its rows, the nights to simulate, and whether a challenger must pass the gate."""

    case: UseCase
    history: BacktestHistory
    period: Period
    use_gate: bool

    @property
    def initial_training_night(self) -> date:
        """The night of the first training: the one before the first simulated night."""
        return self.case.horizon.previous(self.period.first)

    def decision_nights(self, policy: Policy) -> tuple[date, ...]:
        """Return the nights on which a policy decides; the last simulated night is not one: no night follows."""
        if not policy.interval_nights:
            return ()
        count = self.case.horizon.count(self.initial_training_night, self.period.last)
        return tuple(
            self.case.horizon.previous(self.initial_training_night, -offset)
            for offset in range(policy.interval_nights, count, policy.interval_nights)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ChampionTerm:
    """A champion's term: from `first_night` on, the model that was trained as of `trained_night` scores."""

    first_night: date
    trained_night: date


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionRecord:
    """A policy's decision on a night, and the outcome for the model that it requested; "" if it requested none.

    `failed_checks` names the gate's checks that the model did not pass.
    """

    night: date
    decision: RetrainingDecision
    outcome: str = ""
    reason: str = ""
    failed_checks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyRun:
    """The simulation of a policy so far: its champions and decisions, oldest first."""

    policy: Policy
    champion_terms: tuple[ChampionTerm, ...]
    records: tuple[DecisionRecord, ...] = ()

    @property
    def training_count(self) -> int:
        """The number of models requested after the first."""
        return sum(record.decision.retrain for record in self.records)

    @property
    def release_count(self) -> int:
        """The number of models that became champion after the first."""
        return len(self.champion_terms) - 1
