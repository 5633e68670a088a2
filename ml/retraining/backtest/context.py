"""What every policy meets, and what is kept of its way: looks, reigns, and the walk that they make."""

from dataclasses import dataclass
from datetime import date

from ml.periods import Period
from ml.retraining.backtest.history import Past
from ml.retraining.backtest.policies import Policy
from ml.retraining.triggers import Decision
from ml.usecase import UseCase


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What every policy meets: the use case, its rows, the nights to walk, and whether a gate stands before a release."""

    case: UseCase
    past: Past
    period: Period
    gate: bool

    @property
    def beginning(self) -> date:
        """The night as of which the first model is trained: the one before the first that is walked."""
        return self.case.horizon.before(self.period.first)

    def looks(self, policy: Policy) -> tuple[date, ...]:
        """Return the nights that a policy looks at; on the last one nothing is to be gained any more."""
        if not policy.looks:
            return ()
        count = self.case.horizon.count(self.beginning, self.period.last)
        return tuple(
            self.case.horizon.before(self.beginning, -place) for place in range(policy.looks, count, policy.looks)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Reign:
    """From the night `since` on the model of `trained` answers."""

    since: date
    trained: date


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What a policy decided on a night, and what became of the model it asked for; "" where it asked for none.

    `failed` names the checks of the gate that it did not pass.
    """

    night: date
    decision: Decision
    outcome: str = ""
    reason: str = ""
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Walk:
    """A policy's way so far; the oldest look and reign first."""

    policy: Policy
    reigns: tuple[Reign, ...]
    looks: tuple[Look, ...] = ()

    @property
    def trainings(self) -> int:
        """How many models were asked for after the first."""
        return sum(look.decision.retrain for look in self.looks)

    @property
    def releases(self) -> int:
        """How many of them were let in."""
        return len(self.reigns) - 1
