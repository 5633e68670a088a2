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
