"""The page of the declaration has every class with every field."""

from dataclasses import fields

import pytest

from include.cli.docs import use_case_page
from ml.usecase import UseCase

PAGE = use_case_page.page()


@pytest.mark.parametrize("declaration", use_case_page.classes(), ids=lambda each: each.__name__)
def test_every_class_has_its_fields(declaration: type) -> None:
    section = PAGE.partition(f"\n## {declaration.__name__}\n")[2].partition("\n## ")[0]
    assert [each.name for each in fields(declaration) if f"* `{each.name}`: " not in section] == []


def test_the_use_case_comes_first() -> None:
    assert use_case_page.classes()[0] is UseCase
    assert PAGE.index("## UseCase") < PAGE.index("## AsOf")


@pytest.mark.parametrize(
    "line",
    [
        "* `matured_share`: number; above 0, at most 1; default `0.95`",
        "* `gates`: [`Gates`](#gates); default `Gates()`",
        '* `every`: `"day"` or `"month"`; default `"day"`',
        "* `hour`: whole number; at least 0, at most 23; required",
    ],
)
def test_a_field_has_type_bounds_and_default(line: str) -> None:
    assert f"\n{line}\n" in PAGE
