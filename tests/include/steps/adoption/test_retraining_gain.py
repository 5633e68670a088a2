"""What retraining was worth is computed from the published scores and the first champion's package."""

from collections.abc import Callable

import pytest

from include.steps.adoption import retraining_gain
from include.steps.context import StepContext
from include.steps.score import score
from ml.monitoring.retraining_gain import RetrainingGain
from ml.usecase import periods
from ml.usecase.periods import Period
from tests.include.steps.adoption.conftest import Adopted, nudge, spoil
from tests.include.steps.conftest import LATER, NIGHT

Adopt = Callable[..., Adopted]
AFTER = periods.parse(f"2024-03-18..{LATER}")


def measure(context: StepContext, period: Period) -> RetrainingGain | None:
    return retraining_gain.measure(context, period, retraining_gain.published_rows(context, period))


def publish_nights(home: Adopted) -> StepContext:
    for night in map(str, AFTER):
        score.score("taxi", night)
    return StepContext(case=home.case, settings=home.settings)


def test_a_worse_model_lost_something_and_a_similar_one_hardly_anything(adopt: Adopt) -> None:
    gains = {}
    for change in (spoil, nudge):
        home = adopt(change)
        gain = measure(publish_nights(home), AFTER)
        assert gain is not None
        gains[change] = gain
    assert gains[spoil].loss.value < -0.1
    assert abs(gains[nudge].loss.value) < 0.01
    assert gains[spoil].first_loss == pytest.approx(gains[nudge].first_loss)
    assert gains[spoil].rows == gains[nudge].rows > 100


def test_without_a_second_champion_there_is_nothing_to_compare(adopt: Adopt) -> None:
    home = adopt(nudge)
    context = StepContext(case=home.case, settings=home.settings)
    assert measure(context, periods.parse(str(NIGHT))) is None
