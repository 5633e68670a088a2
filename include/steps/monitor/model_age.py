"""What a model loses by its age, as the last replay found it: kept for the monitor, and told of the champion's age."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from include.settings import Settings
from include.stores.files import atomic
from ml.retraining.backtest import model_ageing
from ml.retraining.backtest.model_ageing import Aged
from ml.statistics.intervals import Interval
from ml.usecase import UseCase

_FILE = "ages.json"


def keep(case: UseCase, ages: Sequence[Aged], settings: Settings) -> None:
    """Leave what a replay found for the monitor; one that found nothing leaves what was there."""
    if ages:
        atomic.write(_place(case, settings), (json.dumps([asdict(each) for each in ages], indent=1) + "\n").encode())


def told(case: UseCase, age_nights: int, settings: Settings) -> Aged | None:
    """Return what a model of this age loses more than a fresh one; None where no replay has seen one so old."""
    place = _place(case, settings)
    if not place.exists():
        return None
    found = json.loads(place.read_text())
    return model_ageing.at((Aged(**{**each, "excess": Interval(**each["excess"])}) for each in found), age_nights)


def _place(case: UseCase, settings: Settings) -> Path:
    return settings.replays / case.name / _FILE
