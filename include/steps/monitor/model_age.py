"""What a model loses by its age, as the last replay found it: kept for the monitor, and told of the champion's age."""

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
    """Leave what a replay found for the monitor; one that found nothing leaves what was there."""
    if ages:
        atomic.write(_path(context), (json.dumps([asdict(each) for each in ages], indent=1) + "\n").encode())


def lookup(context: StepContext, age_nights: int) -> LossByAge | None:
    """Return what a model of this age loses more than a fresh one; None where no replay has seen one so old."""
    path = _path(context)
    if not path.exists():
        return None
    entries = json.loads(path.read_text())
    return model_ageing.find_age(
        (LossByAge(**{**each, "excess": Interval(**each["excess"])}) for each in entries), age_nights
    )


def _path(context: StepContext) -> Path:
    return context.settings.backtests / context.case.name / _FILE
