"""The cost of age in a backtest: counted row by row, from the policy's own models, and from no night to come."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from ml.retraining import worth
from ml.retraining.backtest import age_cost, policies
from ml.retraining.backtest.context import PolicyRun
from ml.retraining.backtest.history import TrainedModel, TrainingId, Trainings
from ml.retraining.worth import WorthFacts
from ml.usecase import RetrainingPrice
from tests.ml.retraining.backtest import world
from tests.ml.retraining.backtest.world import HISTORY, TRIGGERS

PAST = world.past()
FREE = world.scene(PAST)
LOOK = world.night(HISTORY + 30)


def played(text: str) -> tuple[PolicyRun, Trainings]:
    (policy,) = policies.parse(text, TRIGGERS)
    return world.played(policy, FREE)


SCHEDULED, TRAINED = played("every@6")


def as_of(night: date, run: PolicyRun = SCHEDULED) -> PolicyRun:
    """Return the run as it was before its decision of `night`."""
    return replace(
        run,
        records=tuple(each for each in run.records if each.night < night),
        champion_terms=tuple(each for each in run.champion_terms if each.first_night <= night),
    )


def observe(night: date = LOOK, trainings: Trainings = TRAINED, min_nights: int = 2) -> WorthFacts:
    return age_cost.observe(as_of(night), min_nights, night, FREE, trainings)


def counted(night: date) -> tuple[float, int]:
    """Return the slope by regression with a column for each night, and the number of nights, row by row."""
    trained = [FREE.initial_training.night, *(each.night for each in as_of(night).records)][-worth.MODELS :]
    cutoff = np.datetime64(FREE.case.schedule.cutoff(night).replace(tzinfo=None))
    costs: dict[tuple[date, str], float] = {}
    for row, (of, known_at) in enumerate(zip(PAST.nights, PAST.known_at, strict=True)):
        if known_at <= cutoff and of <= str(night):
            for each in trained:
                model = TRAINED[TrainingId(each)]
                assert isinstance(model, TrainedModel)
                if of > str(each):
                    paid = world.TARGET.row_cost(PAST.labels[[row]], model.scores[[row]])[0]
                    costs[each, of] = costs.get((each, of), 0.0) + paid
    nights = [of for of in {of for _, of in costs} if sum(other == of for _, other in costs) > 1]
    pairs = [pair for pair in costs if pair[1] in nights]
    design = np.array(
        [[(date.fromisoformat(of) - each).days, *(of == other for other in nights)] for each, of in pairs], np.float64
    )
    return float(np.linalg.lstsq(design, np.array([costs[pair] for pair in pairs]), rcond=None)[0][0]), len(nights)


def test_the_cost_of_age_is_the_one_counted_row_by_row() -> None:
    slope, nights = counted(LOOK)
    facts = observe()
    assert facts.nights == nights > 10
    assert facts.age_cost == pytest.approx(slope)
    assert facts.cpu_seconds == 0


@pytest.mark.parametrize(
    ("night", "min_nights"), [(world.night(HISTORY + 3), 2), (LOOK, 100)], ids=["one model", "too few nights"]
)
def test_without_two_models_on_enough_nights_it_is_not_known(night: date, min_nights: int) -> None:
    facts = observe(night, min_nights=min_nights)
    assert (facts.age_cost, facts.error) == (None, None)


def test_models_of_others_and_of_later_nights_are_not_seen() -> None:
    own = {each.training for each in as_of(LOOK).champion_terms}
    assert len(own) > 2
    assert observe(trainings={each: TRAINED[each] for each in own}) == observe()


def test_nights_to_come_change_nothing() -> None:
    known = PAST.known_at <= np.datetime64(FREE.case.schedule.cutoff(LOOK).replace(tzinfo=None))
    other = replace(PAST, labels=np.where(known, PAST.labels, 1 - PAST.labels))
    assert age_cost.observe(as_of(LOOK), 2, LOOK, world.scene(other), TRAINED) == observe()
    early = PAST.nights <= str(world.night(HISTORY + 20))
    changed = replace(PAST, labels=np.where(early, 1 - PAST.labels, PAST.labels))
    assert age_cost.observe(as_of(LOOK), 2, LOOK, world.scene(changed), TRAINED) != observe()


def trainings_at(price: float) -> int:
    declared = replace(TRIGGERS, worth=RetrainingPrice(risk=1.0, first_age_nights=5))
    (policy,) = policies.parse(f"triggers:worth={price}", declared)
    return world.played(policy, FREE)[0].training_count


def test_a_higher_price_trains_less_often() -> None:
    asked = [trainings_at(price) for price in (1, 30, 300, 1_000_000)]
    assert asked == sorted(asked, reverse=True)
    assert asked[0] > asked[2] > 1
