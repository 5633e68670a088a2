"""The examples in the docstrings of `ml` run, and give what they show."""

import doctest
import importlib
import pkgutil

import pytest

import ml

MODULES = sorted(each.name for each in pkgutil.walk_packages(ml.__path__, "ml."))
MIN_EXAMPLES = 60


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_a_module_give_what_they_show(module: str) -> None:
    results = doctest.testmod(importlib.import_module(module))
    assert results.failed == 0


def test_the_functions_that_need_one_have_an_example() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    shown = {
        test.name
        for module in MODULES
        for test in finder.find(importlib.import_module(module))
        if test.examples and test.name != module
    }
    assert len(shown) >= MIN_EXAMPLES
