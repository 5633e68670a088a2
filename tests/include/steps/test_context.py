"""A step's context is a use case in an installation, on a night where the step is about one."""

from datetime import date

import pytest

from include.settings import Settings
from include.steps.context import NightContext, StepContext
from include.stores import warehouse
from ml.errors import RequestError
from ml.usecase import UseCase


def test_a_context_is_made_of_this_processs_installation(home: Settings, taxi: UseCase) -> None:
    context = StepContext.load("taxi")
    assert (context.case, context.settings) == (taxi, home)
    assert context.engine is warehouse.engine(home.warehouse_url)


@pytest.mark.parametrize("period", ["2024-03-17", "2024-03-01..2024-03-17"])
def test_a_night_is_the_last_of_its_period(period: str, home: Settings, taxi: UseCase) -> None:
    context = NightContext.load_night("taxi", period)
    assert context == NightContext(case=taxi, settings=home, night=date(2024, 3, 17))
    assert context.at(date(2024, 3, 18)).night == date(2024, 3, 18)


@pytest.mark.parametrize(("use_case", "night"), [("none", "2024-03-17"), ("taxi", "yesterday")])
def test_what_is_unknown_is_refused(use_case: str, night: str, home: Settings, taxi: UseCase) -> None:
    with pytest.raises(RequestError):
        NightContext.load_night(use_case, night)


def test_a_step_on_data_is_about_a_use_case_not_about_the_model_of_a_horizon(home: Settings, taxi: UseCase) -> None:
    assert StepContext.load_data("taxi") == StepContext(case=taxi, settings=home)
    with pytest.raises(RequestError, match="got the model taxi-live: .* so do this for taxi"):
        StepContext.load_data("taxi-live")
