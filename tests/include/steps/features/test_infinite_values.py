"""An infinite feature is an alert of its night, until the night is built without it."""

import numpy as np
import pandas as pd

from include.settings import Settings
from include.steps.context import StepContext
from include.steps.features import infinite_values
from include.stores import warehouse
from ml.usecase import UseCase, periods

PERIOD = periods.parse("2023-01-01..2023-02-01")


def test_each_night_names_its_features_and_counts(home: Settings, gym: UseCase) -> None:
    context = StepContext(case=gym, settings=home)
    built = pd.DataFrame(
        {
            "night": ["2023-01-01"] * 3 + ["2023-02-01"],
            "plan": "full",
            "visits": [np.inf, -np.inf, np.nan, 1.0],
            "unused": np.inf,
        }
    )
    for _ in range(2):
        infinite_values.alert(context, gym.schedule, PERIOD, built)
    (alert,) = warehouse.alerts(context.engine, "gym")
    assert (str(alert.night), alert.subject) == ("2023-01-01", "visits")
    assert alert.message.startswith("the feature visits is infinite in 2 of 3 rows: correct how it is computed")
    infinite_values.alert(context, gym.schedule, PERIOD, built.assign(visits=1.0))
    assert warehouse.alerts(context.engine, "gym") == ()
