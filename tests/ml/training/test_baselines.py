import numpy as np
import pandas as pd

from ml.training import baselines
from ml.usecase import Prior, RecentMean, RecentRate

FRAME = pd.DataFrame({"late_mean_by_zone_7d": [0.2, np.nan, 1.5, -0.1]})


def test_the_prior_gives_every_row_the_base_rate() -> None:
    assert baselines.predict(Prior(), FRAME, 0.3).tolist() == [0.3] * 4


def test_a_recent_rate_is_the_prior_where_there_is_none_and_stays_a_probability() -> None:
    assert baselines.predict(RecentRate(feature="late_mean_by_zone_7d"), FRAME, 0.3).tolist() == [0.2, 0.3, 1.0, 0.0]


def test_a_recent_mean_may_be_any_number() -> None:
    assert baselines.predict(RecentMean(feature="late_mean_by_zone_7d"), FRAME, 9.0).tolist() == [0.2, 9.0, 1.5, -0.1]
