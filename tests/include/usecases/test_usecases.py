import pytest

from include import usecases
from ml.errors import RequestError
from ml.usecase import UseCase


def test_every_folder_with_a_usecase_is_found_by_name() -> None:
    assert "flights" in [each.name for each in usecases.all()]
    assert usecases.get("flights").name == "flights"


def test_a_folder_added_to_the_path_is_found_like_the_others(taxi: UseCase) -> None:
    assert usecases.get("taxi") is taxi
    assert usecases.has_module("taxi", "source")
    assert usecases.module("taxi", "schema").Booking.__name__ == "Booking"


def test_an_unknown_name_is_told_with_those_there_are() -> None:
    with pytest.raises(RequestError, match=r"expected one of the use cases \[.*'flights'.*\], got 'fligths'"):
        usecases.get("fligths")


def test_a_part_that_is_not_there_is_not_there() -> None:
    assert not usecases.has_module("flights", "nothing")


def test_the_model_of_a_horizon_is_found_by_its_name(taxi: UseCase) -> None:
    live = usecases.get("taxi-live")
    assert (live, live.dataset) == (taxi.at("live"), "taxi")
    assert {"taxi", "taxi-live"} <= {each.name for each in usecases.models()} == set(usecases.names_of_models())
    assert "taxi-live" not in [each.name for each in usecases.all()]
    assert usecases.module("taxi-live", "schema") is usecases.module("taxi", "schema")
    assert usecases.has_module("taxi-live", "source")


@pytest.mark.parametrize(
    ("name", "reported"),
    [
        ("taxi-week", r"expected one of the horizons \['night', 'live'\] of taxi, got 'week'"),
        ("taxis-live", r"expected one of the use cases \[.*'taxi'.*\], got 'taxis-live'"),
    ],
)
def test_a_horizon_that_is_not_declared_is_refused(name: str, reported: str, taxi: UseCase) -> None:
    with pytest.raises(RequestError, match=reported):
        usecases.get(name)
