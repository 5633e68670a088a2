from dataclasses import replace

import pytest

from ml.training import recipes
from ml.usecase import (
    Binary,
    Column,
    Gates,
    GradientBoosting,
    LinearQuantile,
    Live,
    Logistic,
    Night,
    PinballCost,
    UseCase,
)
from tests.ml.answers import waiting
from tests.ml.usecase.test_use_case import use_case

SOURCES = {"late": "def late(): ..."}


def test_the_same_recipe_has_the_same_digest() -> None:
    assert recipes.digest(use_case(), Logistic(), SOURCES) == recipes.digest(use_case(), Logistic(), dict(SOURCES))


@pytest.mark.parametrize(
    ("case", "candidate", "sources"),
    [
        (replace(use_case(), features=(Column("zone"),)), Logistic(), SOURCES),
        (replace(use_case(), task=Binary(label="other", table="visits")), Logistic(), SOURCES),
        (replace(use_case(), horizons=(Night(hour=5, timezone="UTC"),)), Logistic(), SOURCES),
        (use_case(), GradientBoosting(), SOURCES),
        (use_case(), Logistic(strength=2.0), SOURCES),
        (use_case(), Logistic(), {"late": "def late(): return 1"}),
    ],
    ids=["features", "task", "cutoff", "algorithm", "settings", "code of a feature"],
)
def test_another_recipe_has_another_digest(case: UseCase, candidate: Logistic, sources: dict[str, str]) -> None:
    assert recipes.digest(case, candidate, sources) != recipes.digest(use_case(), Logistic(), SOURCES)


def test_gates_and_triggers_are_no_part_of_the_recipe() -> None:
    stricter = replace(use_case(), question="Is it?", matured_share=0.5)
    assert recipes.digest(stricter, Logistic(), SOURCES) == recipes.digest(use_case(), Logistic(), SOURCES)


def test_the_order_in_which_functions_are_found_is_no_part_of_the_recipe() -> None:
    result = {"a": "def a(): ...", "b": "def b(): ..."}
    there, back = (recipes.digest(use_case(), Logistic(), each) for each in (result, dict(reversed(result.items()))))
    assert there == back


def test_another_quantile_is_another_recipe_and_the_same_one_at_other_prices_is_not() -> None:
    asked, dearer, other = (
        recipes.digest(waiting(cost=PinballCost(under=under, over=over)), LinearQuantile(), SOURCES)
        for under, over in ((3, 1), (6, 2), (4, 1))
    )
    assert asked == dearer != other


def test_a_live_recipe_has_its_cutoff_and_nothing_of_the_nights_recipe_changes() -> None:
    early, late = (Live(name="live", before="at", hours=hours) for hours in (24, 2))
    case = use_case()
    digests = {recipes.digest(use_case(live).at("live"), Logistic(), SOURCES) for live in (early, late)}
    assert len(digests | {recipes.digest(case, Logistic(), SOURCES)}) == 3
    assert recipes.digest(use_case(late), Logistic(), SOURCES) == recipes.digest(case, Logistic(), SOURCES)


def test_what_a_live_horizon_declares_beside_its_features_is_no_part_of_its_recipe() -> None:
    plain = Live(before="at", hours=2)
    budgeted = replace(plain, name="soon", max_age_minutes=5, gates=Gates(leak_auc=0.8))
    first, second = (use_case(each).at(each.name) for each in (plain, budgeted))
    assert recipes.digest(first, Logistic(), SOURCES) == recipes.digest(second, Logistic(), SOURCES)
