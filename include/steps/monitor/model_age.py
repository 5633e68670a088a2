"""Loss by model age, as the last backtest measured it: stored for the monitor, which looks up the champion's age."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from include.steps.context import StepContext
from include.stores.files import atomic
from ml.retraining.backtest import model_ageing
from ml.retraining.backtest.model_ageing import LossByAge
from ml.statistics.intervals import Interval

_FILE = "ages.json"


def save(context: StepContext, ages: Sequence[LossByAge]) -> None:
    """Store what a backtest measured; an empty result keeps the earlier one."""
    if ages:
        atomic.write(_path(context), (json.dumps([asdict(each) for each in ages], indent=1) + "\n").encode())


def lookup(context: StepContext, age_nights: int) -> LossByAge | None:
    """Return how much more a model of this age loses than a fresh one; None if no backtest covers the age."""
    path = _path(context)
    if not path.exists():
        return None
    entries = json.loads(path.read_text())
    return model_ageing.find_age(
        (LossByAge(**{**each, "excess": Interval(**each["excess"])}) for each in entries), age_nights
    )


def _path(context: StepContext) -> Path:
    return context.settings.backtests / context.case.name / _FILE
