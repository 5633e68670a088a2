"""Throttles on automatic retraining: cooldown, budget and blackout periods. Manual runs bypass them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from ml.usecase import Budget, Night, Triggers

_MAX_BLACKOUT_NIGHTS = 400  # how far the end of a blackout is searched; a blackout without end lasts so long at a time


@dataclass(frozen=True, kw_only=True, slots=True)
class Throttle:
    """The reason why no training is requested, and the first night on which the throttle no longer applies."""

    reason: str
    until: date


def longest_throttle(
    triggers: Triggers, night: date, trained_nights: Collection[date], schedule: Night
) -> Throttle | None:
    """Return the throttle that lasts longest on `night`, or None; `trained_nights` are the nights of all trainings.

    >>> daily, trained = Night(hour=12, timezone="UTC"), [date(2013, 2, 1)]
    >>> longest_throttle(Triggers(cooldown_nights=7), date(2013, 2, 5), trained, daily)
    Throttle(reason='cooldown, nights to go: 3', until=datetime.date(2013, 2, 8))
    >>> longest_throttle(Triggers(cooldown_nights=7), date(2013, 2, 8), trained, daily) is None
    True
    """
    throttles = [
        *_cooldown_throttles(triggers, night, trained_nights, schedule),
        *_budget_throttles(triggers, night, trained_nights, schedule),
    ]
    return max([*throttles, *_blackout_throttles(triggers, night, schedule)], key=lambda each: each.until, default=None)


def counted_trainings(
    budget: Budget, night: date, trained_nights: Collection[date], schedule: Night
) -> tuple[date, ...]:
    """Return the nights of the trainings that count against the budget on `night`, the latest first.

    >>> daily, trained = Night(hour=12, timezone="UTC"), [date(2013, 1, 4), date(2013, 1, 20)]
    >>> counted_trainings(Budget(trainings=2, nights=28), date(2013, 2, 1), trained, daily)  # 28 and 12 nights ago
    (datetime.date(2013, 1, 20),)
    """
    return tuple(
        sorted(
            {each for each in trained_nights if each <= night and schedule.count(each, night) < budget.nights},
            reverse=True,
        )
    )


def describe_budget(budget: Budget, night: date, trained_nights: Collection[date], schedule: Night) -> str:
    """Return a sentence on how much of the budget is used.

    >>> daily, trained = Night(hour=12, timezone="UTC"), [date(2013, 1, 4), date(2013, 1, 20)]
    >>> describe_budget(Budget(trainings=2, nights=28), date(2013, 2, 1), trained, daily)
    '1 of 2 trainings in 28 nights are used'
    """
    n_counted = len(counted_trainings(budget, night, trained_nights, schedule))
    return f"{n_counted} of {budget.trainings} trainings in {budget.nights} nights are used"


def _cooldown_throttles(
    triggers: Triggers, night: date, trained_nights: Collection[date], schedule: Night
) -> Iterator[Throttle]:
    last = max((each for each in trained_nights if each <= night), default=None)
    if last is not None and schedule.count(last, night) < triggers.cooldown_nights:
        until = schedule.previous(last, -triggers.cooldown_nights)
        yield Throttle(reason=f"cooldown, nights to go: {schedule.count(night, until)}", until=until)


def _budget_throttles(
    triggers: Triggers, night: date, trained_nights: Collection[date], schedule: Night
) -> Iterator[Throttle]:
    budget = triggers.budget
    if budget is None:
        return
    counted = counted_trainings(budget, night, trained_nights, schedule)
    if len(counted) >= budget.trainings:
        oldest_counted = counted[budget.trainings - 1]
        yield Throttle(
            reason=describe_budget(budget, night, trained_nights, schedule),
            until=schedule.previous(oldest_counted, -budget.nights),
        )


def _blackout_throttles(triggers: Triggers, night: date, schedule: Night) -> Iterator[Throttle]:
    reasons = [each.why for each in triggers.blackouts if night in each]
    if reasons:
        later_nights = (schedule.previous(night, -offset) for offset in range(1, _MAX_BLACKOUT_NIGHTS))
        first_allowed = (each for each in later_nights if not any(each in blackout for blackout in triggers.blackouts))
        yield Throttle(
            reason=f"blackout period ({reasons[0]})",
            until=next(first_allowed, schedule.previous(night, -_MAX_BLACKOUT_NIGHTS)),
        )
