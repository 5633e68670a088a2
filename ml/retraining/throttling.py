"""What holds a training back though a trigger asks for it: the cooldown, the budget, quiet nights. A person is not held."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from ml.usecase import Budget, Night, Triggers

_LONGEST = 400  # nights that a quiet period is followed for; one without an end holds for so long at a time


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """Why nothing is asked for, and the first night on which this no longer holds."""

    why: str
    until: date


def longest(triggers: Triggers, night: date, tried: Collection[date], horizon: Night) -> Hold | None:
    """Return what holds back longest on `night`, None when nothing does; `tried` are the nights as of which models were."""
    holds = [*_cooling(triggers, night, tried, horizon), *_spent(triggers, night, tried, horizon)]
    return max([*holds, *_quiet(triggers, night, horizon)], key=lambda each: each.until, default=None)


def spent(budget: Budget, night: date, tried: Collection[date], horizon: Night) -> tuple[date, ...]:
    """Return the trainings that count against the budget on `night`, the latest first."""
    return tuple(
        sorted(
            {each for each in tried if each <= night and horizon.count(each, night) < budget.nights},
            reverse=True,
        )
    )


def told(budget: Budget, night: date, tried: Collection[date], horizon: Night) -> str:
    """Return how much of the budget is spent, in words."""
    taken = len(spent(budget, night, tried, horizon))
    return f"{taken} of {budget.trainings} trainings in {budget.nights} nights are spent"


def _cooling(triggers: Triggers, night: date, tried: Collection[date], horizon: Night) -> Iterator[Hold]:
    last = max((each for each in tried if each <= night), default=None)
    if last is not None and horizon.count(last, night) < triggers.cooldown_nights:
        until = horizon.before(last, -triggers.cooldown_nights)
        yield Hold(why=f"cooling down, nights to go: {horizon.count(night, until)}", until=until)


def _spent(triggers: Triggers, night: date, tried: Collection[date], horizon: Night) -> Iterator[Hold]:
    budget = triggers.budget
    if budget is None:
        return
    taken = spent(budget, night, tried, horizon)
    if len(taken) >= budget.trainings:
        freeing = taken[budget.trainings - 1]
        yield Hold(why=told(budget, night, tried, horizon), until=horizon.before(freeing, -budget.nights))


def _quiet(triggers: Triggers, night: date, horizon: Night) -> Iterator[Hold]:
    whys = [each.why for each in triggers.quiet if night in each]
    if whys:
        later = (horizon.before(night, -place) for place in range(1, _LONGEST))
        ends = (each for each in later if not any(each in quiet for quiet in triggers.quiet))
        yield Hold(why=f"quiet nights ({whys[0]})", until=next(ends, horizon.before(night, -_LONGEST)))
