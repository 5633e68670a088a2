"""What holds a training back though a trigger asks for it: the cooldown, the budget, quiet nights. A person is not held."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from ml.usecase import Budget, Night, Triggers

_MAX_BLACKOUT_NIGHTS = 400  # nights that a quiet period is followed for; one without an end holds for so long at a time


@dataclass(frozen=True, kw_only=True, slots=True)
class Throttle:
    """Why nothing is asked for, and the first night on which this no longer holds."""

    reason: str
    until: date


def longest_throttle(
    triggers: Triggers, night: date, trained_nights: Collection[date], horizon: Night
) -> Throttle | None:
    """Return what holds back longest on `night`, None when nothing does; `tried` are the nights as of which models were."""
    throttles = [
        *_cooldown_throttles(triggers, night, trained_nights, horizon),
        *_budget_throttles(triggers, night, trained_nights, horizon),
    ]
    return max([*throttles, *_blackout_throttles(triggers, night, horizon)], key=lambda each: each.until, default=None)


def counted_trainings(
    budget: Budget, night: date, trained_nights: Collection[date], horizon: Night
) -> tuple[date, ...]:
    """Return the trainings that count against the budget on `night`, the latest first."""
    return tuple(
        sorted(
            {each for each in trained_nights if each <= night and horizon.count(each, night) < budget.nights},
            reverse=True,
        )
    )


def describe_budget(budget: Budget, night: date, trained_nights: Collection[date], horizon: Night) -> str:
    """Return how much of the budget is spent, in words."""
    n_counted = len(counted_trainings(budget, night, trained_nights, horizon))
    return f"{n_counted} of {budget.trainings} trainings in {budget.nights} nights are spent"


def _cooldown_throttles(
    triggers: Triggers, night: date, trained_nights: Collection[date], horizon: Night
) -> Iterator[Throttle]:
    last = max((each for each in trained_nights if each <= night), default=None)
    if last is not None and horizon.count(last, night) < triggers.cooldown_nights:
        until = horizon.previous(last, -triggers.cooldown_nights)
        yield Throttle(reason=f"cooling down, nights to go: {horizon.count(night, until)}", until=until)


def _budget_throttles(
    triggers: Triggers, night: date, trained_nights: Collection[date], horizon: Night
) -> Iterator[Throttle]:
    budget = triggers.budget
    if budget is None:
        return
    counted = counted_trainings(budget, night, trained_nights, horizon)
    if len(counted) >= budget.trainings:
        oldest_counted = counted[budget.trainings - 1]
        yield Throttle(
            reason=describe_budget(budget, night, trained_nights, horizon),
            until=horizon.previous(oldest_counted, -budget.nights),
        )


def _blackout_throttles(triggers: Triggers, night: date, horizon: Night) -> Iterator[Throttle]:
    reasons = [each.why for each in triggers.blackouts if night in each]
    if reasons:
        later_nights = (horizon.previous(night, -offset) for offset in range(1, _MAX_BLACKOUT_NIGHTS))
        first_allowed = (each for each in later_nights if not any(each in blackout for blackout in triggers.blackouts))
        yield Throttle(
            reason=f"quiet nights ({reasons[0]})",
            until=next(first_allowed, horizon.previous(night, -_MAX_BLACKOUT_NIGHTS)),
        )
