"""A stored package scores rows that mean what it was trained on, and says what it learned from."""

import shutil
from collections.abc import Callable
from datetime import date

import pytest

from include.settings import Settings
from include.steps import scoring_package
from include.steps.context import StepContext
from include.steps.features import build
from ml.errors import FeatureError, PackageError
from ml.packaging.learned_span import LearnedSpan
from ml.usecase import UseCase
from tests.include.steps.conftest import NIGHT
from tests.include.steps.release.conftest import champion

Arrive = Callable[[str], Settings]


def test_it_scores_rows_as_its_model_does_for_the_target_of_its_use_case(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("score")
    package = scoring_package.load(champion(settings), settings)
    rows = build.read(settings.lake, taxi, NIGHT, NIGHT)
    scores = package.predict(rows, StepContext(case=taxi, settings=settings))
    assert (scores == package.model.predict(rows)).all()
    assert len(package.checked) == 1
    assert package.target(taxi).display_names.metric == "log_loss"


def test_rows_that_do_not_say_what_their_features_mean_are_refused(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("score")
    package = scoring_package.load(champion(settings), settings)
    rows = build.read(settings.lake, taxi, NIGHT, NIGHT).assign(**{build.SERVICE: None})
    with pytest.raises(FeatureError, match="to name the declarations that it was built from"):
        package.predict(rows, StepContext(case=taxi, settings=settings))


def test_what_a_missing_package_learned_from_is_not_known(arrive: Arrive) -> None:
    settings = arrive("score")
    digest = champion(settings)
    until = scoring_package.read_learned(digest, settings).until
    assert until is not None
    assert until < date.fromisoformat(NIGHT)
    shutil.rmtree(next(each for each in settings.packages.iterdir() if each.name.startswith(digest)))
    assert scoring_package.read_learned(digest, settings) == LearnedSpan()
    with pytest.raises(PackageError):
        scoring_package.load(digest, settings)
